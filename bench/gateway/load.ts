/** Load from a process of its own: with `wrk` where it is installed, else this file run as `load.ts PORT CONNECTIONS SECONDS`, a client of the same kind. */
import { execFile, execFileSync } from "node:child_process";
import { connect } from "node:net";
import { promisify } from "node:util";

export interface LoadResult {
  readonly requestsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no 2xx, and connections that failed. */
  readonly errors: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Program and arguments before the client's own, as in `taskset -c 1`. */
  readonly wrap: readonly string[];
}

/** `wrk` with its version, or undefined. */
export function wrkVersion(): string | undefined {
  try {
    return /wrk \S*?\/?([\d.]+\S*)/.exec(execFileSync("sh", ["-c", "wrk --version 2>&1 || true"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}

export async function runLoad(options: LoadOptions, hasWrk: boolean): Promise<LoadResult> {
  const { port, connections, seconds, wrap } = options;
  const [program = "", ...args] = hasWrk
    ? [...wrap, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", `http://127.0.0.1:${port}/`]
    : [...wrap, process.execPath, import.meta.filename, String(port), String(connections), String(seconds)];
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 1 << 20 });
  return hasWrk ? readWrk(stdout) : (JSON.parse(stdout) as LoadResult);
}

function readWrk(text: string): LoadResult {
  const timeMs = (name: string): number => {
    const match = new RegExp(`^\\s+${name}%?\\s+([\\d.]+)(us|ms|s)`, "m").exec(text);
    return Number(match?.[1]) * ({ us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? ""] ?? Number.NaN);
  };
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const sockets = [...(/Socket errors: (.*)/.exec(text)?.[1] ?? "").matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0);
  return { requestsPerS: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), p50Ms: timeMs("50"), p99Ms: timeMs("99"), errors: failed + sockets };
}

/** One request after the other on each connection; answers are told apart by Content-Length, as all backends here send it. */
async function ownLoad(port: number, connections: number, seconds: number): Promise<LoadResult> {
  const timesMs: number[] = [];
  let errors = 0;
  const endMs = performance.now() + seconds * 1000;
  const request = Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      let text = "";
      let sentMs = performance.now();
      const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(request));
      socket.setEncoding("latin1");
      socket.on("data", (chunk: string) => {
        text += chunk;
        const head = text.indexOf("\r\n\r\n");
        const length = /content-length: (\d+)/i.exec(text)?.[1];
        if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
        if (!text.startsWith("HTTP/1.1 2")) errors++;
        text = "";
        const nowMs = performance.now();
        timesMs.push(nowMs - sentMs);
        sentMs = nowMs;
        if (nowMs > endMs) socket.end();
        else socket.write(request);
      });
      socket.on("error", () => errors++);
      socket.on("close", () => resolve());
    });
  await Promise.all(Array.from({ length: connections }, one));
  timesMs.sort((a, b) => a - b);
  const at = (share: number): number => timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? Number.NaN;
  return { requestsPerS: timesMs.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), errors };
}

if (process.argv[1] === import.meta.filename) {
  const [port = 0, connections = 1, seconds = 1] = process.argv.slice(2).map(Number);
  process.stdout.write(JSON.stringify(await ownLoad(port, connections, seconds)));
}
