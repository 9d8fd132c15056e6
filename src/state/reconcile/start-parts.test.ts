import assert from "node:assert/strict";
import { test } from "node:test";
import { given, type Port, port, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Kind, microservice, route } from "#/model/index.ts";
import { Board, type Peers } from "#/state/link/hub/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type CentrePart, type ControllerDeclaration, declareController, partKind } from "./part.ts";
import { startParts } from "./start-parts.ts";

/** A store that holds nothing, and says what it was asked for. */
function emptyStore(asked: string[] = []): Store {
  return {
    list: async ({ plural }: Kind) => {
      asked.push(`list ${plural}`);
      return { items: [], resourceVersion: "1" };
    },
    watch: async function* (_kind: Kind, { signal }: { signal: AbortSignal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    create: async ({ plural }: Kind) => asked.push(`create ${plural}`),
    emit: () => asked.push("emit"),
  } as unknown as Store;
}

function part(controllers: readonly ControllerDeclaration[], kinds: CentrePart["kinds"] = []): CentrePart {
  return { name: "test", description: "", kinds, controllers };
}

async function start(parts: readonly CentrePart[], more: { store?: Store; given?: ReturnType<typeof given>[] } = {}) {
  const stop = new AbortController();
  const running = await startParts({
    parts,
    given: more.given ?? [],
    store: more.store ?? emptyStore(),
    peers: {} as Peers,
    board: new Board(systemClock),
    epoch: 1,
    onDeposed: () => {},
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: stop.signal,
  });
  return { running, stop };
}

test("who gives starts before who uses, whatever the order of the list; they stop in the reverse order, when all have run to their end", async () => {
  const happened: string[] = [];
  const TABLE = port<string>("table");
  const worker = (name: string, uses: readonly Port<unknown>[], gives: readonly Port<unknown>[]): ControllerDeclaration =>
    declareController({
      name,
      reads: {},
      writes: [],
      uses,
      gives,
      start({ use, give }) {
        for (const one of uses) happened.push(`${name} has ${String(use(one))}`);
        for (const one of gives) give(one, `what ${name} gives`);
        return {
          run: async (signal) => {
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
            happened.push(`${name} ends`);
          },
          stop: async () => void happened.push(`${name} stops`),
        };
      },
    });
  const { running, stop } = await start([part([worker("a", [TABLE], []), worker("b", [], [TABLE])])]);
  assert.equal(running.at(TABLE), "what b gives");
  stop.abort();
  await running.ended;
  assert.deepEqual(happened, ["a has what b gives", "b ends", "a ends", "a stops", "b stops"]);
});

test("a part that cannot be stopped keeps no other from stopping", async () => {
  const stopped: string[] = [];
  const worker = (name: string, fails: boolean): ControllerDeclaration =>
    declareController({
      name,
      reads: {},
      writes: [],
      start: () => ({
        async stop() {
          if (fails) throw new Error("stuck");
          stopped.push(name);
        },
      }),
    });
  const { running, stop } = await start([part([worker("a", false), worker("b", true), worker("c", false)])]);
  stop.abort();
  await assert.rejects(running.ended, /1 of the parts could not be stopped/);
  assert.deepEqual(stopped, ["c", "a"]);
});

test("a controller gets what it has declared, and nothing else", async () => {
  const asked: string[] = [];
  const SECRET = port<string>("secret");
  const refused: unknown[] = [];
  const attempt = async (act: () => unknown): Promise<void> => {
    try {
      await act();
    } catch (error) {
      refused.push((error as Error).message);
    }
  };
  let work: Promise<void> = Promise.resolve();
  const nosy = declareController({
    name: "nosy",
    reads: { routes: route },
    writes: [microservice],
    start({ store, caches, use, give }) {
      assert.deepEqual(Object.keys(caches), ["routes"]);
      work = (async () => {
        await attempt(() => store.list(route));
        await attempt(() => store.create(microservice, { metadata: { name: "a" } }));
        await attempt(() => store.create(route, { metadata: { name: "a" } }));
        await attempt(() => use(SECRET));
        await attempt(() => give(SECRET, "mine"));
      })();
      return {};
    },
  });
  const { running, stop } = await start([part([nosy], [partKind(route), partKind(microservice)])], {
    store: emptyStore(asked),
    given: [given(SECRET, "yours")],
  });
  await work;
  assert.deepEqual(asked, ["list routes", "list routes", "create microservices"]);
  assert.deepEqual(refused, [
    "nosy has not declared that it writes routes",
    "nosy has not declared that it uses secret",
    "nosy has not declared that it gives secret",
  ]);
  stop.abort();
  await running.ended;
});

test("a port that nobody gives, or that two give to each other, is told at the start", async () => {
  const [LEFT, RIGHT] = [port<string>("left"), port<string>("right")];
  const using = (name: string, uses: readonly Port<unknown>[], gives: readonly Port<unknown>[] = []): ControllerDeclaration =>
    declareController({ name, reads: {}, writes: [], uses, gives, start: () => ({}) });
  await assert.rejects(start([part([using("a", [LEFT])])]), { code: "part/not-given", message: /^a uses left, and nothing/ });
  await assert.rejects(start([part([using("a", [LEFT], [RIGHT]), using("b", [RIGHT], [LEFT])])]), { code: "part/not-given" });
  await assert.rejects(start([part([using("a", [], [LEFT])])]), { code: "part/not-given", message: /left/ });
});

test("a kind that is left out has an empty copy: what reads it goes on", async () => {
  const asked: string[] = [];
  const reader = declareController({
    name: "reader",
    reads: { routes: route, services: microservice },
    writes: [],
    start({ caches }) {
      assert.equal(caches.services.size, 0);
      return {};
    },
  });
  const { running, stop } = await start([part([reader], [partKind(route)])], { store: emptyStore(asked) });
  assert.deepEqual(asked, ["list routes"]);
  stop.abort();
  await running.ended;
});
