import { request } from "node:http";
import { type LogLevel, OrreryError } from "#/base/index.ts";
import { durationMs, type LogLevelHook } from "#/model/index.ts";
import { isAlive } from "#/work/process/index.ts";

/** The program whose level is changed. */
export interface LevelTarget {
  readonly pid: number;
  readonly startTime: number;
  readonly ports: Readonly<Record<string, number>>;
  /** Name of the first port. */
  readonly firstPort: string | undefined;
}

const ANSWER_BYTES_MAX = 64 * 1024;

/** The level that a program has, as far as it can be asked: Spring's configured one (`null`: that of the logger above); `undefined`: it cannot.
 *  @throws logs/level */
export async function askLevel(hook: LogLevelHook, target: LevelTarget): Promise<string | null | undefined> {
  if (hook.spring === undefined) return undefined;
  const { path, logger } = hook.spring;
  const text = await send(hook, target, { method: "GET", path: `${path}/${logger}`, port: hook.spring.port });
  try {
    const { configuredLevel } = JSON.parse(text) as { readonly configuredLevel?: unknown };
    return typeof configuredLevel === "string" ? configuredLevel : null;
  } catch {
    throw new OrreryError("logs/level", `GET ${path}/${logger} answered no JSON: is it Spring Boot's loggers endpoint?`);
  }
}

/** Has a program log at `level`.
 *  @throws logs/level: it did not take it; why. logs/level-unknown: it may have */
export async function setLevel(hook: LogLevelHook, target: LevelTarget, level: LogLevel): Promise<void> {
  if (hook.spring !== undefined) return await setSpring(hook, target, level.toUpperCase());
  if (hook.http !== undefined) return await setHttp(hook, target, level);
  if (level !== "debug" && level !== "trace")
    throw new OrreryError("logs/level", `by its signals it can be told to log more (debug), and to log as before (back); not $level`);
  kill(target, hook.signal?.debug ?? "SIGUSR1");
}

/** Has it log as before. `former`: as `askLevel` told.
 *  @throws logs/level */
export async function backLevel(hook: LogLevelHook, target: LevelTarget, former: string | null | undefined): Promise<void> {
  if (hook.spring !== undefined) return await setSpring(hook, target, former ?? null);
  if (hook.http !== undefined) return await setHttp(hook, target, hook.normal);
  kill(target, hook.signal?.back ?? "SIGUSR2");
}

async function setSpring(hook: LogLevelHook, target: LevelTarget, configuredLevel: string | null): Promise<void> {
  const { path = "", logger = "", port } = hook.spring ?? {};
  await send(hook, target, { method: "POST", path: `${path}/${logger}`, port, body: JSON.stringify({ configuredLevel }) });
}

async function setHttp(hook: LogLevelHook, target: LevelTarget, level: LogLevel): Promise<void> {
  if (hook.http === undefined) return;
  const { path, method, body, port } = hook.http;
  const put = (text: string): string => text.replaceAll("$level", level).replaceAll("$LEVEL", level.toUpperCase());
  await send(hook, target, { method, path: put(path), port, body: put(body) });
}

function kill(target: LevelTarget, signal: string): void {
  // A signal to another process of the same number could end it.
  if (!isAlive(target)) throw new OrreryError("logs/level", "its program has ended");
  process.kill(target.pid, signal);
}

function send(
  hook: LogLevelHook,
  target: LevelTarget,
  asked: { readonly method: string; readonly path: string; readonly port: string | undefined; readonly body?: string },
): Promise<string> {
  const { method, path, body } = asked;
  const port = target.ports[asked.port ?? target.firstPort ?? ""];
  if (port === undefined) throw new OrreryError("logs/level", `it has no port ${asked.port ?? ""}`);
  const timeoutMs = durationMs(hook.timeout);
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new OrreryError("logs/level", `${method} ${path}: ${why}`, { retry: "backoff" }));
    const sent = request({ host: "127.0.0.1", port, path, method, agent: false, signal, headers }, (answer) => {
      const status = answer.statusCode ?? 0;
      const pieces: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (bytes <= ANSWER_BYTES_MAX) pieces.push(piece);
        else sent.destroy();
      });
      answer.on("error", (error) => fail(error.message));
      answer.on("close", () => {
        if (status < 200 || status > 299) fail(`it answered ${status}, expected 200 to 299`);
        else resolve(Buffer.concat(pieces).toString("utf8"));
      });
    });
    sent.on("error", (error) => {
      if (!signal.aborted) return fail(error.message);
      reject(
        new OrreryError("logs/level-unknown", `${method} ${path}: no answer within ${timeoutMs} ms: whether it was taken is not known`, {
          retry: "backoff",
        }),
      );
    });
    sent.end(body);
  });
}
