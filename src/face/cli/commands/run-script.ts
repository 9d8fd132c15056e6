import { formatDuration } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { findRunning } from "./logs.ts";

/** The script's own `timeout` decides; a lost connection is noticed anyway. The longest that a timer takes. */
const ANSWER_MS_MAX = 2 ** 31 - 1;

interface ScriptResult {
  readonly instance: string;
  readonly script: string;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly timedOut?: boolean;
  readonly durationMs?: number;
  readonly output?: string;
  /** It could not be run there, and why. */
  readonly error?: string;
}

/** `orrery run-script`: 0 if it ended with 0 everywhere. Output goes to standard output, how it ended to standard error. */
export async function runScript(context: CliContext, [name = "", script = ""]: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const path = await findRunning(api, name, "scripts", script);
    const { body } = await api.request({
      method: "POST",
      path,
      query: { all: options.all === true ? "true" : undefined },
      signal: context.signal,
      timeoutMs: ANSWER_MS_MAX,
    });
    const results = [body].flat() as readonly ScriptResult[];
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, results);
    else for (const result of results) printResult(context, result, results.length > 1);
    return results.length > 0 && results.every(isDone) ? 0 : 1;
  } finally {
    await api.close();
  }
}

function isDone(result: ScriptResult): boolean {
  return result.exitCode === 0 && result.timedOut !== true && result.error === undefined;
}

function printResult({ terminal }: CliContext, result: ScriptResult, isOneOfMany: boolean): void {
  const output = (result.output ?? "").trimEnd();
  const text = isOneOfMany ? output.replace(/^/gm, `${result.instance} | `) : output;
  // As it is for a program, printable for people.
  if (output !== "" && terminal.isTerminal) terminal.out(text);
  else if (output !== "") terminal.write(`${text}\n`);
  const took = result.durationMs === undefined ? "" : ` after ${formatDuration(result.durationMs)}`;
  const words = `${result.script} on ${result.instance}: ${describeEnd(result)}${took}`;
  terminal.note(isDone(result) ? terminal.paintNote("dim", words) : terminal.paintNote("red", words));
}

function describeEnd(result: ScriptResult): string {
  if (result.error !== undefined) return result.error;
  if (result.timedOut === true) return "stopped at its time limit";
  if (typeof result.signal === "string") return `ended by ${result.signal}`;
  return result.exitCode === 0 ? "done" : `exit status ${result.exitCode}`;
}
