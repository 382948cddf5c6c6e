// What the built files are made from: every file below ui/ that changes them, with its SHA-256.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const UI = fileURLToPath(new URL("..", import.meta.url));
export const ASSETS = join(UI, "../src/wayfare/faces/web/assets");
const SINGLE = ["index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts"];

export function sources() {
  const below = (folder) =>
    readdirSync(join(UI, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(UI, join(entry.parentPath, entry.name)));
  const paths = [...SINGLE, ...below("src"), ...below("scripts")].sort();
  return Object.fromEntries(paths.map((path) => [path, sha256(readFileSync(join(UI, path)))]));
}

export function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
