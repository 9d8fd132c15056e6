import { Duplex } from "node:stream";
import { describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import type { Instance } from "#/model/index.ts";
import { LineReader, type Link } from "#/state/link/index.ts";
import type { Exchange, Reply } from "./exchange.ts";
import { endedReason } from "./open-streams.ts";
import { badRequest } from "./status.ts";

/** Of one line: 64 KiB of input in base64, or a command of many words. */
const LINE_BYTES_MAX = 256 * 1024;
const FIRST_LINE_MS = 10_000;
const INPUT_MS_MAX = 24 * 3_600_000;

/** The link to the agent that has the instance, and how a session is named. */
export interface ExecTarget {
  readonly instance: Instance;
  readonly link: Link;
  readonly session: string;
}

/** `POST …/instances/NAME/exec`, and the same of a microservice: a command in the instance's folder and environment, both ways, for as long as it runs. JSON lines.
 *  From the client, first `{"command": [...], "input": true, "terminal": {"rows": 24, "columns": 80, "type": "xterm"}}`, then `{"data": base64}`, `{"size": {"rows", "columns"}}`, `{"end": true}` (of the input).
 *  To the client `{"instance": name}` first, then `{"out": base64}`, `{"err": base64}`, and at the end `{"exitCode": n}`, `{"exitSignal": name}` or `{"error": {"code", "message"}}`. Who goes away ends the command.
 *  @throws api/protocol: HTTP/1 cannot answer while it still reads; api/bad-request */
export async function serveExec(exchange: Exchange, choose: (command: readonly string[], hasInput: boolean) => Promise<ExecTarget>): Promise<Reply> {
  const { response, signal, clock } = exchange;
  const stream = "stream" in response ? response.stream : undefined;
  if (stream === undefined || !(stream instanceof Duplex)) throw new OrreryError("api/protocol", "exec needs HTTP/2; use: orrery exec");
  const lines = linesOf(stream);
  let cancel = (): void => {};
  const first = await Promise.race([
    lines.next(),
    new Promise<never>((_, reject) => {
      cancel = clock.after(FIRST_LINE_MS, () => reject(badRequest("the first line, with the command, did not come within 10 s")), {
        background: true,
      });
    }),
  ]).finally(() => cancel());
  const question = parseLine(first.value);
  if (!Array.isArray(question["command"]) || typeof question["command"][0] !== "string" || question["command"][0] === "")
    throw badRequest('the first line has no command: send {"command": ["program", "argument"]}');
  // Its name alone: arguments may hold what is secret.
  await exchange.trail.begin("exec", { detail: { command: question["command"][0].slice(0, 200) } });
  const target = await choose(
    (question["command"] as readonly unknown[]).map(String),
    question["input"] === true || question["terminal"] !== undefined,
  );
  stream.respond({ ":status": 200, "content-type": "application/x-ndjson" });
  stream.write(`${JSON.stringify({ instance: target.instance.metadata.name })}\n`);
  const end = exchange.trail.hold();
  void carry(stream, lines, { target, question, signal }).then((message) => end({ code: 200, message }));
  return { status: 200, isTaken: true };
}

/** Carries both ways until the command or its caller ends; what came of it. */
async function carry(
  stream: Duplex,
  lines: AsyncGenerator<string, void, undefined>,
  { target, question, signal }: { readonly target: ExecTarget; readonly question: Readonly<Record<string, unknown>>; readonly signal: AbortSignal },
): Promise<string> {
  let came = "it was ended";
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  stream.once("close", () => over.abort(new OrreryError("api/cancelled", "the client is gone")));
  void feed(lines, target, both).catch((error: unknown) => over.abort(error));
  const { namespace, name } = target.instance.metadata;
  const { command, input, terminal } = question;
  try {
    for await (const item of target.link.stream(
      "exec/run",
      { namespace, instance: name, session: target.session, command, input, terminal },
      { signal: both },
    )) {
      if (stream.destroyed) break;
      came = outcomeOf(item) ?? came;
      if (!stream.write(`${JSON.stringify(item)}\n`)) await drained(stream);
    }
  } catch (error) {
    if (!stream.destroyed && (!signal.aborted || endedReason(signal) !== undefined))
      stream.write(`${JSON.stringify({ error: { code: isOrreryError(error) ? error.code : "api/failed", message: describeError(error) } })}\n`);
    came = isOrreryError(error) ? error.code : "it failed";
  } finally {
    over.abort();
    if (!stream.destroyed) stream.end();
  }
  return came;
}

/** What came of the command, for the audit. */
function outcomeOf(item: unknown): string | undefined {
  const { exitCode, exitSignal, error } = item as Readonly<Record<string, unknown>>;
  if (exitCode !== undefined) return `exit ${Number(exitCode)}`;
  if (exitSignal !== undefined) return `ended by ${String(exitSignal)}`;
  return error === undefined ? undefined : "it could not be run";
}

/** What the client types, in its order; the agent takes one piece before the next is sent. */
async function feed(lines: AsyncGenerator<string, void, undefined>, { link, session }: ExecTarget, signal: AbortSignal): Promise<void> {
  for await (const line of lines) {
    if (signal.aborted) return;
    const { data, size, end } = parseLine(line);
    await link.call("exec/input", { session, data, size, end }, { signal, timeoutMs: INPUT_MS_MAX });
  }
}

async function* linesOf(stream: Duplex): AsyncGenerator<string, void, undefined> {
  const reader = new LineReader(LINE_BYTES_MAX);
  for await (const chunk of stream) yield* reader.push(chunk as Buffer);
}

function parseLine(line: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(line));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw badRequest("a line of an exec is no JSON object");
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
