/** `npm run simulate`: the deterministic simulation of the consistent update.
 *    npm run simulate -- --seeds N --from S          runs N seeds from S on (default 2000 from 0), in `--workers` threads (default 2)
 *    npm run simulate -- --seeds 1 --from S --history  shows the whole history of a seed
 *    npm run simulate -- --mutations [--only NAME]   takes guards away, one after the other: each time some seed must fail
 *  Exit status 0: everything held, or every mutation was found; else 1. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Edit, MUTATIONS, type Mutation } from "#/simulation/mutations.ts";
import { ROOT } from "./sources.ts";

const COMMAND = "npm run simulate --";
/** Seeds of a mutation's run; most are found within some tens. */
const MUTATION_SEEDS = 40_000;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string", default: "0" },
    workers: { type: "string", default: String(Math.min(2, availableParallelism())) },
    history: { type: "boolean", default: false },
    mutations: { type: "boolean", default: false },
    only: { type: "string" },
    mutation: { type: "string" },
  },
});
const from = readNumber("from", values.from);

if (values.mutations) process.exitCode = await runMutations();
else if (values.mutation !== undefined) process.exitCode = await runMutated(values.mutation);
else process.exitCode = await runSeeds();

function readNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name} takes a whole number, not ${text}`);
  process.exit(2);
}

async function runSeeds(): Promise<number> {
  const simulation = await import("#/simulation/index.ts");
  const count = readNumber("seeds", values.seeds ?? "2000");
  if (values.history) {
    const result = simulation.runScenario(simulation.makeScenario(from), { keepsHistory: true });
    console.log(result.history.join("\n"));
    return result.violations.length === 0 ? 0 : 1;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const startedMs = performance.now();
  let toldMs = startedMs;
  const done = await simulation.runSeeds({
    from,
    count,
    workers: readNumber("workers", values.workers),
    signal: stop.signal,
    onProgress: (now) => {
      if (performance.now() - toldMs < 5000) return;
      toldMs = performance.now();
      const failed = now.failures.length === 0 ? "" : `: ${now.failures.map((one) => one.seed).join(" ")}`;
      console.log(`${now.seeds} of ${count} seeds, ${now.failures.length} failed${failed}`);
    },
  });
  for (const failure of done.failures.slice(0, 3)) console.log(`\n${simulation.explainFailure(failure, COMMAND)}`);
  if (done.failures.length > 0) console.log(`\nfailed: ${done.failures.map((one) => one.seed).join(" ")}${done.failures.length >= 20 ? " …" : ""}`);
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `${done.seeds} seeds from ${from} in ${seconds.toFixed(1)} s: ${done.generations} generations, ${done.transactions} transactions, ${done.calls} calls between services, ${done.holds} holds (${done.handovers} to the switch; ${done.held} transactions held, ${done.passed} passed meanwhile), ${done.events} events; ${done.failures.length === 0 ? "every promise held" : `${done.failures.length} seeds failed`}`,
  );
  return done.failures.length === 0 && done.seeds === count ? 0 : 1;
}

/** In a process of its own: the edits are made to the source as it is loaded. */
async function runMutated(name: string): Promise<number> {
  const mutation = MUTATIONS.find((one) => one.name === name);
  if (mutation === undefined) throw new Error(`no mutation is named ${name}`);
  mutate(mutation);
  const { runScenario, runSeed } = await import("#/simulation/run.ts");
  if (values.history) {
    const { makeScenario } = await import("#/simulation/scenario.ts");
    console.log(runScenario(makeScenario(from), { keepsHistory: true }).history.join("\n"));
    return 0;
  }
  const count = readNumber("seeds", values.seeds ?? String(MUTATION_SEEDS));
  for (let seed = from; seed < from + count; seed++) {
    const [violation] = runSeed(seed).violations;
    if (violation === undefined) continue;
    console.log(`${seed - from + 1}\t${seed}\t${violation.invariant}\t${violation.message.split("\n")[0]}`);
    return 1;
  }
  return 0;
}

function mutate(mutation: Mutation): void {
  const edits = [mutation, ...(mutation.with ?? [])];
  for (const { file, find } of edits) {
    const places = readFileSync(join(ROOT, file), "utf8").split(find).length - 1;
    if (places !== 1)
      throw new Error(`mutation ${mutation.name}: its text stands ${places} times in ${file}; bring src/simulation/mutations.ts up to date`);
  }
  const byUrl = Map.groupBy(edits, (edit: Edit) => pathToFileURL(join(ROOT, edit.file)).href);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const own = byUrl.get(url);
      if (own === undefined) return loaded;
      return { ...loaded, source: own.reduce((source, { find, replace }) => source.replace(find, () => replace), String(loaded.source)) };
    },
  });
}

async function runMutations(): Promise<number> {
  const chosen = MUTATIONS.filter((one) => values.only === undefined || one.name === values.only);
  if (chosen.length === 0) console.error(`no mutation is named ${values.only}; there are: ${MUTATIONS.map((one) => one.name).join(", ")}`);
  const queue = [...chosen];
  let survivors = chosen.length === 0 ? 1 : 0;
  const work = async (): Promise<void> => {
    for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
      const { status, output } = await runChild(mutation.name);
      const [, count, seed, invariant, message] = /^(\d+)\t(\d+)\t(\w)\t(.*)$/m.exec(output) ?? [];
      if (status === 1 && count !== undefined)
        console.log(`found     ${mutation.name}: after ${count} seeds, ${invariant} (seed ${seed}: ${message})`);
      else {
        survivors++;
        console.log(`${status === 0 ? "SURVIVED " : "BROKEN   "} ${mutation.name}: ${status === 0 ? mutation.without : output.trim()}`);
      }
    }
  };
  await Promise.all(Array.from({ length: readNumber("workers", values.workers) }, work));
  console.log(survivors === 0 ? `all ${chosen.length} mutations were found` : `${survivors} of ${chosen.length} mutations were not found`);
  return survivors === 0 ? 0 : 1;
}

function runChild(name: string): Promise<{ readonly status: number | null; readonly output: string }> {
  const args = [
    fileURLToPath(import.meta.url),
    "--mutation",
    name,
    "--from",
    String(from),
    ...(values.seeds === undefined ? [] : ["--seeds", values.seeds]),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, output }));
  });
}
