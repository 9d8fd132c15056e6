import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import type { Exec, ExecOutput, TerminalSize } from "#/work/process/index.ts";

/** Of one host, at a time: each has files open and is looked at often. */
const SESSIONS_MAX = 32;

const size = z.object({ rows: z.int().min(1).max(1000), columns: z.int().min(1).max(1000) });

/** What the centre says of a command that someone wants to work with. */
export const execRequest = z.object({
  session: z.string().min(8).max(100),
  command: z.array(z.string().max(131_072)).min(1).max(1000),
  input: z.boolean().optional(),
  terminal: size
    .extend({
      type: z
        .string()
        .regex(/^[\w.+-]{1,50}$/)
        .optional(),
    })
    .optional(),
});
export type ExecRequest = z.infer<typeof execRequest>;

/** Base64 of at most 64 KiB, a new size of the terminal, or the end of the input. */
export const execInput = z.object({
  session: z.string(),
  data: z.base64().max(90_000).optional(),
  size: size.optional(),
  end: z.boolean().optional(),
});
export type ExecInput = z.infer<typeof execInput>;

/** Commands of this host that someone works with, by session. */
export class ExecSessions {
  readonly #sessions = new Map<string, Promise<Exec>>();

  /** Starts the command, and gives what it says as it crosses the link. Whoever stops reading ends it.
   *  @throws agent/busy, and what `start` throws */
  async *run(session: string, start: () => Promise<Exec>): AsyncGenerator<unknown, void, undefined> {
    if (this.#sessions.size >= SESSIONS_MAX || this.#sessions.has(session))
      throw new OrreryError("agent/busy", `${SESSIONS_MAX} commands are being worked with on this host; end one of them`, { retry: "backoff" });
    const starting = start();
    starting.catch(() => {});
    this.#sessions.set(session, starting);
    try {
      for await (const one of (await starting).output()) yield crossing(one);
    } finally {
      this.#sessions.delete(session);
    }
  }

  /** Resolves when the command has taken it. After its end nothing happens. */
  async input({ session, data, size: resized, end }: ExecInput): Promise<void> {
    const exec = await this.#sessions.get(session)?.catch(() => undefined);
    if (exec === undefined) return;
    if (resized !== undefined) exec.resize(resized satisfies TerminalSize);
    if (data !== undefined) await exec.write(Buffer.from(data, "base64"));
    if (end === true) exec.endInput();
  }
}

function crossing(output: ExecOutput): unknown {
  if ("bytes" in output) return { [output.stream]: output.bytes.toString("base64") };
  return output.signal === null ? { exitCode: output.exitCode ?? 1 } : { exitSignal: output.signal };
}
