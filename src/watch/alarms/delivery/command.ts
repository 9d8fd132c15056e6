import { spawn } from "node:child_process";
import { describeError, OrreryError } from "#/base/index.ts";
import { alertmanagerBody, type Message, textOf, titleOf } from "./message.ts";

/** Of what it says when it fails, the end is told. */
const SAID_MAX = 500;

/** Runs the command with the message as JSON on its input; taken if it ends with 0. It and all that it has started are ended with `signal`. It gets none of the centre's environment but PATH, HOME and LANG.
 *  @throws alarms/not-delivered */
export async function sendByCommand(command: readonly string[], message: Message, signal: AbortSignal): Promise<void> {
  const [program = "", ...args] = command;
  const { PATH = "", HOME = "/", LANG = "C.UTF-8" } = process.env;
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new OrreryError("alarms/not-delivered", `${program}: ${why}`, { retry: "backoff", cause }));
    if (signal.aborted) return fail("no time left");
    const child = spawn(program, args, {
      stdio: ["pipe", "ignore", "pipe"],
      detached: true,
      env: { PATH, HOME, LANG, ORRERY_CHANNEL: message.channel },
    });
    let said = "";
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    };
    signal.addEventListener("abort", end, { once: true });
    child.stderr.on("data", (chunk: Buffer) => {
      said = `${said}${chunk.toString("utf8")}`.slice(-SAID_MAX);
    });
    // One that does not read its input is none that fails.
    child.stdin.on("error", () => {});
    child.stdin.end(`${JSON.stringify({ id: message.id, title: titleOf(message), text: textOf(message), ...alertmanagerBody(message) })}\n`);
    child.on("error", (error) => {
      signal.removeEventListener("abort", end);
      fail(describeError(error), error);
    });
    child.on("close", (code, by) => {
      signal.removeEventListener("abort", end);
      if (code === 0) return resolve();
      fail(signal.aborted ? "it did not end in time, and was ended" : `it ended with ${by ?? code}${said.trim() === "" ? "" : `: ${said.trim()}`}`);
    });
  });
}
