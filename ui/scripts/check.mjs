// Builds again beside the committed files, and says where they differ.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ASSETS, UI, sha256 } from "./sources.mjs";

const SEALS = new Set(["sealed.json", "LICENSES.txt"]);
const fresh = mkdtempSync(join(tmpdir(), "wayfare-ui-"));
const contents = (folder) =>
  new Map(
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && !SEALS.has(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), sha256(readFileSync(path))]),
  );
try {
  execFileSync("npx", ["vite", "build", "--outDir", fresh, "--emptyOutDir"], { cwd: UI, stdio: "inherit" });
  const [made, kept] = [contents(fresh), contents(ASSETS)];
  const different = [...new Set([...made.keys(), ...kept.keys()])].filter((name) => made.get(name) !== kept.get(name));
  if (different.length) {
    console.error("These are not what ui/ makes; run npm run build:\n  " + different.join("\n  "));
    process.exitCode = 1;
  } else {
    console.log(`${kept.size} files are what ui/ makes.`);
  }
} finally {
  rmSync(fresh, { recursive: true });
}
