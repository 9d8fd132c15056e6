/** `npm run bench -- NAME [OPTION…]`: runs the program bench/NAME.ts with the options; without a name lists the programs.
 *  What several programs share lies in folders of bench/. Exit status: the program's, or 2 when there is none of that name. */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";

const folder = import.meta.dirname;
const names = (await readdir(folder))
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && file !== "run.ts")
  .map((file) => file.slice(0, -".ts".length))
  .sort();
const [name, ...options] = process.argv.slice(2);

if (name === undefined || name === "--help" || name === "-h") await list();
else if (names.includes(name)) await run(name);
else {
  console.error(`there is no bench program "${name}"; there are: ${names.join(", ") || "none"}`);
  process.exitCode = 2;
}

/** One line each: the name and the first sentence of the program's docstring. */
async function list(): Promise<void> {
  console.log("npm run bench -- NAME [OPTION…]\n");
  const width = Math.max(0, ...names.map((each) => each.length));
  for (const each of names) {
    const docstring = /^\/\*\*\s*([\s\S]*?)\*\//.exec(await readFile(join(folder, `${each}.ts`), "utf8"))?.[1] ?? "";
    const sentence = /^[\s\S]*?(?:[.:](?=\s|$)|$)/.exec(docstring.replace(/\s+\*?\s*/g, " ").trim())?.[0].replace(/:$/, ".");
    console.log(`  ${each.padEnd(width)}  ${sentence}`);
  }
}

async function run(program: string): Promise<void> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(folder, `${program}.ts`), ...options], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; the program decides how it ends, and this one waits for it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.once("exit", (...args) => resolve(args)));
  process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
