import { z } from "zod";

/** One argument of a program. The system ends every argument and variable at a NUL. */
export const argument = z
  .string()
  .max(8192, "at most 8192 characters")
  .regex(/^[^\0]*$/, "text without NUL characters");

/** A program and its arguments, started without a shell. */
export const command = z
  .array(argument)
  .min(1, "missing: give the program and its arguments, as in [node, server.ts]")
  .max(200)
  .refine(([program]) => program !== "", { path: [0], message: "the program must have a name" });

/** A path that stays inside the folder that it is relative to. */
export const innerPath = z
  .string()
  .max(1024, "at most 1024 characters")
  .regex(/^[^\0]*$/, "text without NUL characters")
  .refine((path) => !path.startsWith("/") && !leadsOut(path), "give a relative path that stays inside the folder");

function leadsOut(path: string): boolean {
  let depth = 0;
  for (const part of path.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

/** Linux starts no program whose arguments and environment together are longer than about 2 MiB; some room is left for what Orrery adds. */
export const START_BYTES_MAX: number = 1024 * 1024;

/** What is wrong with the size of a program's arguments and environment, if anything. */
export function tooLongToStart(texts: readonly string[], env: readonly { readonly name: string; readonly value: string }[]): string | undefined {
  let characters = texts.length;
  for (const text of texts) characters += text.length;
  for (const { name, value } of env) characters += name.length + value.length + 2;
  // A character of a text in memory has three bytes at most: as good as all programs are done with here.
  if (characters * 3 <= START_BYTES_MAX) return undefined;
  let bytes = 0;
  for (const text of texts) bytes += lengthOf(text);
  for (const { name, value } of env) bytes += lengthOf(name) + lengthOf(value) + 1;
  if (bytes <= START_BYTES_MAX) return undefined;
  return `arguments and environment have ${bytes} bytes together, and a program is started with at most ${START_BYTES_MAX}: put long texts into files`;
}

/** Bytes in UTF-8, and the NUL behind them. */
function lengthOf(text: string): number {
  let bytes = 1;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4;
  }
  return bytes;
}
