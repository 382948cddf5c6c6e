// After vite: sealed.json, by which the server finds the files, and a test finds that they are up to date;
// and LICENSES.txt, which the licences of what is in them ask for.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { ASSETS, UI, sources } from "./sources.mjs";

const MEDIA = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

function sealed() {
  const files = readdirSync(join(ASSETS, "files")).sort().map((name) => {
    const media = MEDIA[extname(name)];
    if (!media) throw new Error(`say in scripts/seal.mjs what ${name} is`);
    return [name, media];
  });
  return JSON.stringify({ files: Object.fromEntries(files), sources: sources() }, null, 1) + "\n";
}

function licences() {
  const { packages } = JSON.parse(readFileSync(join(UI, "package-lock.json"), "utf8"));
  const inside = Object.entries(packages).filter(([path, found]) => path && !found.dev && existsSync(join(UI, path)));
  const texts = inside.map(([path, { version, license }]) => {
    const file = readdirSync(join(UI, path)).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? readFileSync(join(UI, path, file), "utf8").trim() : "Its package holds no licence text.";
    return `${path.replace(/^.*node_modules\//, "")} ${version} (${license})\n\n${text}\n`;
  });
  return `The page at /ui is made with these packages.\n\n${texts.join("\n" + "-".repeat(80) + "\n\n")}`;
}

writeFileSync(join(ASSETS, "LICENSES.txt"), licences());
writeFileSync(join(ASSETS, "sealed.json"), sealed());
