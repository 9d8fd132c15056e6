import { Worker } from "node:worker_threads";
import { type RunResult, runSeed } from "./run.ts";

/** What is added up. */
const SUMS = [
  "generations",
  "transactions",
  "calls",
  "events",
  "held",
  "passed",
  "holds",
  "handovers",
  "restored",
  "copied",
  "foundOut",
  "labours",
  "busy",
  "repeated",
] as const satisfies readonly (keyof RunResult)[];

type Sums = Readonly<Record<(typeof SUMS)[number], number>>;

/** What came of many seeds. */
export interface BatchResult extends Sums {
  readonly seeds: number;
  readonly failures: readonly RunResult[];
}

/** Seeds that are handed to a thread at once. */
const CHUNK = 25;
/** Failures that are kept; more tell nothing new. */
const FAILURES_MAX = 20;

export interface Chunk {
  readonly from: number;
  readonly count: number;
}

export function addUp(results: readonly RunResult[]): BatchResult {
  return { seeds: results.length, failures: results.filter((one) => one.violations.length > 0), ...sum(results) };
}

function sum(parts: readonly Sums[]): Sums {
  return Object.fromEntries(SUMS.map((name) => [name, parts.reduce((total, one) => total + one[name], 0)])) as Sums;
}

/** Runs the seeds of a chunk here. */
export function runChunk({ from, count }: Chunk): BatchResult {
  return addUp(Array.from({ length: count }, (_, index) => runSeed(from + index)));
}

function merge(a: BatchResult, b: BatchResult): BatchResult {
  const failures = [...a.failures, ...b.failures].sort((x, y) => x.seed - y.seed).slice(0, FAILURES_MAX);
  return { seeds: a.seeds + b.seeds, failures, ...sum([a, b]) };
}

/** Runs `count` seeds from `from` on in `workers` threads. Ends early when `signal` aborts, with what was done until then. */
export async function runSeeds(options: {
  readonly from: number;
  readonly count: number;
  readonly workers: number;
  readonly onProgress?: (done: BatchResult) => void;
  readonly signal?: AbortSignal;
}): Promise<BatchResult> {
  const { from, count, workers, onProgress, signal } = options;
  let next = from;
  let done = addUp([]);
  const take = (): Chunk | undefined => {
    if (next >= from + count || signal?.aborted === true) return undefined;
    const chunk = { from: next, count: Math.min(CHUNK, from + count - next) };
    next += chunk.count;
    return chunk;
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./batch-worker.ts", import.meta.url));
      const hand = (): void => {
        const chunk = take();
        if (chunk === undefined) void worker.terminate().then(() => resolve());
        else worker.postMessage(chunk);
      };
      worker.on("message", (result: BatchResult) => {
        done = merge(done, result);
        onProgress?.(done);
        hand();
      });
      worker.once("error", reject);
      hand();
    });
  await Promise.all(Array.from({ length: workers }, work));
  return done;
}
