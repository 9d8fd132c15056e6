/** `npm run format [-- FILE…]`: formats the files (all of them without arguments), sorts imports, and applies the safe fixes of the linter. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./sources.ts";

const files = process.argv.slice(2);
const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
const paths = files.length === 0 ? [ROOT] : files;
const { status } = spawnSync(process.execPath, [biome, "check", "--write", "--no-errors-on-unmatched", ...paths], { stdio: "inherit" });
process.exitCode = status ?? 1;
