import { type Clock, type Given, type Log, type MetricSource, OrreryError, type Port, type Random } from "#/base/index.ts";
import type { Board, PeerHandlers, Peers } from "#/state/link/hub/index.ts";
import type { Store } from "#/state/store/index.ts";
import { Caches } from "./caches.ts";
import { declaredStore } from "./declared-store.ts";
import type { CentrePart, ControllerContext, ControllerDeclaration, PartPath, Worker } from "./part.ts";

export interface StartOptions {
  readonly parts: readonly CentrePart[];
  /** What the process itself gives. */
  readonly given: readonly Given[];
  readonly store: Store;
  readonly peers: Peers;
  readonly board: Board;
  /** This leader's term. */
  readonly epoch: number;
  readonly onDeposed: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Parts at work. */
export interface RunningParts {
  readonly agents: readonly PeerHandlers[];
  readonly gateways: readonly PeerHandlers[];
  readonly metrics: readonly MetricSource[];
  readonly paths: readonly PartPath[];
  /** Pieces of work that threw something that nobody expected. */
  unexpected(): number;
  /** The local copies. */
  readonly caches: Caches;
  /** What was given at a port.
   *  @throws part/not-given */
  at<T>(port: Port<T>): T;
  /** Resolves when `signal` has aborted and all have ended. */
  readonly ended: Promise<void>;
}

/** Fills a copy of each kind that the parts read, then starts their controllers, each after those whose ports it uses; they end with `signal`.
 *  @throws part/not-given: nobody gives what one uses, or they use each other in a circle */
export async function startParts(options: StartOptions): Promise<RunningParts> {
  const { parts, store, clock, random, log, signal } = options;
  const caches = new Caches(
    parts.flatMap((part) => part.kinds),
    { store, clock, random, log },
  );
  const declared = parts.flatMap((part) => part.controllers);
  const ordered = inOrder(
    declared,
    options.given.map((one) => one.port),
  );
  const views = new Map(ordered.map((one) => [one, caches.of(one.reads)]));
  const copies = caches.run(signal);
  await copies.ready;
  const values = new Map<Port<unknown>, unknown>(options.given.map((one) => [one.port, one.value]));
  const at = <T>(port: Port<T>): T => {
    if (!values.has(port)) throw notGiven(port, "somebody");
    return values.get(port) as T;
  };
  const workers: Worker[] = [];
  for (const declaration of ordered) {
    const { name, reads, writes, uses = [], mayUse = [], gives = [] } = declaration;
    const context: ControllerContext = {
      ...{ peers: options.peers, board: options.board, epoch: options.epoch, clock, random, log, signal, depose: options.onDeposed },
      store: declaredStore(store, name, Object.values(reads), writes),
      caches: views.get(declaration) ?? {},
      use: (port) => {
        if (!uses.includes(port)) throw new OrreryError("part/undeclared", `${name} has not declared that it uses ${port.name}`);
        return at(port);
      },
      find: (port) => {
        if (!mayUse.includes(port)) throw new OrreryError("part/undeclared", `${name} has not declared that it may use ${port.name}`);
        return values.get(port) as never;
      },
      give: (port, value) => {
        if (!gives.includes(port)) throw new OrreryError("part/undeclared", `${name} has not declared that it gives ${port.name}`);
        values.set(port, value);
      },
    };
    workers.push(declaration.start(context));
    const owed = gives.find((port) => !values.has(port));
    if (owed !== undefined) throw notGiven(owed, name);
  }
  const running = Promise.all([copies.ended, ...workers.map((one) => one.run?.(signal))]);
  const listOf = <T>(read: (worker: Worker) => T | undefined): readonly T[] => workers.flatMap((one) => read(one) ?? []);
  return {
    agents: listOf((one) => one.agents),
    gateways: listOf((one) => one.gateways),
    metrics: listOf((one) => one.metrics),
    paths: workers.flatMap((one) => one.paths ?? []),
    unexpected: () => workers.reduce((sum, one) => sum + (one.unexpected ?? 0), 0),
    caches,
    at,
    ended: end(running, workers),
  };
}

async function end(running: Promise<unknown>, workers: readonly Worker[]): Promise<void> {
  await running;
  const failures: unknown[] = [];
  for (const one of workers.toReversed()) await one.stop?.().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of the parts could not be stopped`);
}

/** Those that give before those that use; else as they are listed. */
function inOrder(declared: readonly ControllerDeclaration[], given: readonly Port<unknown>[]): readonly ControllerDeclaration[] {
  const ordered: ControllerDeclaration[] = [];
  const available = new Set(given);
  let left = declared;
  while (left.length > 0) {
    // Who gives what is only of use where there is it, and has not started yet.
    const awaited = new Set(left.flatMap((one) => one.gives ?? []));
    const next = left.find(
      (one) => (one.uses ?? []).every((port) => available.has(port)) && (one.mayUse ?? []).every((port) => available.has(port) || !awaited.has(port)),
    );
    if (next === undefined) {
      const [first] = left;
      const missing = [...(first?.uses ?? []), ...(first?.mayUse ?? [])].find((port) => !available.has(port)) as Port<unknown>;
      throw notGiven(missing, first?.name ?? "");
    }
    ordered.push(next);
    for (const port of next.gives ?? []) available.add(port);
    left = left.filter((one) => one !== next);
  }
  return ordered;
}

function notGiven(port: Port<unknown>, user: string): OrreryError {
  return new OrreryError("part/not-given", `${user} uses ${port.name}, and nothing that was started before gives it: list the part that does`);
}
