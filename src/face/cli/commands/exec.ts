import { constants } from "node:os";
import { isOrreryError, OrreryError } from "#/base/index.ts";
import { instance } from "#/model/index.ts";
import type { Exchange } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { connectPatiently } from "../patient-client.ts";
import { findRunning } from "./logs.ts";

interface Line {
  readonly instance?: string;
  readonly out?: string;
  readonly err?: string;
  readonly exitCode?: number;
  readonly exitSignal?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

const INPUT_BYTES = 48 * 1024;

/** `orrery exec`: runs a command beside a service's process. The exit status is the command's own (128 and the signal's number, if one ended it); 1 if it could not be run. */
export async function exec(context: CliContext, [name = "", ...command]: readonly string[], options: Options): Promise<number> {
  const { terminal, signal } = context;
  if (command.length === 0) throw new OrreryError("cli/usage", "give the command behind two dashes, as in: orrery exec auth -- ls");
  const api = await connectPatiently(context, options.data);
  try {
    const path = options.instance === undefined ? await findRunning(api, name, "exec") : objectPath(instance, options.instance, "exec");
    const input = options.stdin === true ? terminal.openInput(options.tty === true) : undefined;
    try {
      const type = context.env["TERM"];
      const exchange = await api.openExchange({
        method: "POST",
        path,
        contentType: "application/x-ndjson",
        signal,
        body: {
          command,
          input: options.stdin === true,
          ...(options.tty === true ? { terminal: { ...terminal.size(), ...(type === undefined ? {} : { type }) } } : {}),
        },
      });
      const stop = (): void => exchange.close();
      signal.addEventListener("abort", stop, { once: true });
      const endResize = options.tty === true ? terminal.onResize((size) => void exchange.send({ size })) : (): void => {};
      try {
        if (input !== undefined) void feed(exchange, input.chunks);
        return await show(context, exchange).catch((error: unknown) => {
          throw isOrreryError(error, "client/unavailable") ? lostCommand(error) : error;
        });
      } finally {
        endResize();
        signal.removeEventListener("abort", stop);
        exchange.close();
      }
    } finally {
      input?.close();
    }
  } finally {
    await api.close();
  }
}

async function feed(exchange: Exchange, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks)
      for (let from = 0; from < chunk.length; from += INPUT_BYTES)
        await exchange.send({ data: Buffer.from(chunk.subarray(from, from + INPUT_BYTES)).toString("base64") });
    await exchange.send({ end: true });
  } catch {
    // The command has ended, or the connection is lost: who reads the answer tells.
  }
}

async function show({ terminal }: CliContext, exchange: Exchange): Promise<number> {
  for await (const text of exchange.lines) {
    const line = JSON.parse(text) as Line;
    if (line.out !== undefined) terminal.write(Buffer.from(line.out, "base64"));
    else if (line.err !== undefined) terminal.writeNote(Buffer.from(line.err, "base64"));
    else if (line.exitCode !== undefined) return line.exitCode;
    else if (line.exitSignal !== undefined) return 128 + (constants.signals[line.exitSignal as NodeJS.Signals] ?? 0);
    else if (line.error !== undefined) throw new OrreryError("cli/exec", line.error.message);
    // A reader who has gone (`| head`) wants no more of it: the command is ended.
    if (!(await terminal.drain())) return 0;
  }
  throw lostCommand();
}

/** It is not begun a second time by itself: it may have been carried out. */
function lostCommand(cause?: unknown): OrreryError {
  return new OrreryError("cli/exec", "the connection ended before the command did: it is ended there, and what it has done is not known", { cause });
}
