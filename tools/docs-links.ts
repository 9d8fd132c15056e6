/** `node tools/docs-links.ts --check`: whether relative links in our documents lead to files and headings that exist, and whether each `orrery` command and option that documents and messages tell people to run does.
 *  Exit status 0 when all is well, else 1 with one line for each fault. */

import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Command } from "commander";
import { CLI_PARTS } from "#/apps/cli-parts.ts";
import { systemClock } from "#/base/index.ts";
import { buildProgram, processTerminal } from "#/face/cli/index.ts";
import { findAnchors, findCommands, findLinks } from "./markdown.ts";
import { listFiles, ROOT, readSource } from "./sources.ts";

/** The faults of all documents. */
export async function findDocumentFaults(): Promise<string[]> {
  const files = (await listFiles()).filter((file) => file.endsWith(".md"));
  const texts = new Map(await Promise.all(files.map(async (file) => [file, await readSource(file)] as const)));
  const program = commandLine();
  const found: string[] = [];
  for (const [file, text] of texts) {
    for (const { line, text: target } of findLinks(text)) {
      const fault = linkFault(file, target, texts);
      if (fault !== undefined) found.push(`${file}:${line}: ${fault}`);
    }
    for (const { line, text: words } of findCommands(text)) {
      const fault = commandFault(program, words);
      if (fault !== undefined) found.push(`${file}:${line}: ${fault}`);
    }
  }
  for (const file of (await listFiles("src")).filter((one) => one.endsWith(".ts") && !one.endsWith(".test.ts"))) {
    for (const words of findAdvice(await readSource(file))) {
      const fault = commandFault(program, words);
      if (fault !== undefined) found.push(`${file}: a message says: orrery ${words}: ${fault}`);
    }
  }
  return found;
}

/** The words of each `…: orrery …` in messages, with NAME in place of what is filled in. */
export function findAdvice(code: string): string[] {
  return [...code.matchAll(/: orrery ((?:[a-z-]+|\$\{[^}]*\}| )+)/g)].map(([, words]) => (words ?? "").replace(/\$\{[^}]*\}/g, "NAME").trim());
}

function linkFault(file: string, target: string, texts: ReadonlyMap<string, string>): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  const [path = "", anchor] = target.split("#", 2);
  const to = path === "" ? file : normalize(join(dirname(file), decodeURI(path)));
  if (to.startsWith("..")) return `the link ${target} leads out of the project`;
  if (!existsSync(join(ROOT, to))) return `the link ${target} leads to ${to}, which does not exist`;
  if (anchor === undefined || anchor === "") return undefined;
  const text = texts.get(to);
  return text === undefined || findAnchors(text).has(decodeURI(anchor)) ? undefined : `there is no heading #${anchor} in ${to}`;
}

/** What is wrong with the words behind `orrery`, if anything is. */
export function commandFault(program: Command, words: string): string | undefined {
  let command = program;
  let isComplete = false;
  for (const word of words.split(/\s+/)) {
    const option = /^(--?[A-Za-z][\w-]*)(?:=.*)?$/.exec(word)?.[1];
    if (option !== undefined) {
      if (option === "--help" || option === "-h" || command.options.some((one) => one.long === option || one.short === option)) continue;
      return `orrery${command === program ? "" : ` ${command.name()}`} has no option ${option}`;
    }
    if (isComplete || command.commands.length === 0 || !/^[a-z][a-z-]*$/.test(word)) {
      isComplete = true;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined && word !== "help") return `there is no command: orrery ${words}`;
    command = next ?? command;
  }
  return undefined;
}

/** The commands, to be looked at only. */
function commandLine(): Command {
  const no = (): never => {
    throw new Error("nothing is run here");
  };
  const terminal = processTerminal({ stdout: process.stdout, stderr: process.stderr, readInput: no }, {});
  const platform = {
    version: "0",
    up: no,
    down: no,
    processes: no,
    warnings: no,
    leftInstances: no,
    checkOwner: no,
    restore: no,
    edge: no,
    console: no,
    keptLogin: no,
    keepLogin: no,
    forgetLogin: no,
    site: no,
    offeredVersions: no,
    offeredTemplate: no,
  };
  const context = {
    parts: CLI_PARTS,
    terminal,
    platform,
    clock: systemClock,
    cwd: ROOT,
    env: {},
    sampleSite: ROOT,
    connect: no,
    signal: new AbortController().signal,
  };
  return buildProgram(context, () => undefined);
}

if (import.meta.main) {
  const faults = await findDocumentFaults();
  for (const fault of faults) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
