import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { OrreryError, silentLog, systemClock } from "#/base/index.ts";
import { type Instance, type Microservice, microservice } from "#/model/index.ts";
import type { LocalCopy, PathCaller } from "#/state/reconcile/index.ts";
import type { HostLog } from "#/work/agent/index.ts";
import { timesPath } from "#/work/process/index.ts";
import type { SearchItem } from "./archive/search.ts";
import type { SearchQuestion } from "./core/question.ts";
import { LogKeeper } from "./host/log-keeper.ts";
import { readSearchRequest } from "./search-request.ts";
import { searchSite } from "./site-search.ts";

const BASE_MS = Date.parse("2026-11-30T12:00:00Z");
const at = (seconds: number): number => BASE_MS + seconds * 1_000;

interface HostRig {
  readonly keeper: LogKeeper;
  readonly logs: HostLog[];
  write(service: string, atMs: number, ...lines: readonly string[]): void;
  leave(service: string): void;
}

/** A host whose keeper and thread are real. */
function hostRig(t: TestContext): HostRig {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-logs-"));
  const logs: HostLog[] = [];
  let take: (log: HostLog) => void = () => {};
  const keeper = new LogKeeper({
    folder: path.join(folder, "agent"),
    platformFolder: path.join(folder, "logs"),
    host: "here",
    logs: {
      list: () => logs,
      find: () => undefined,
      onLeaving: (listener) => {
        take = listener;
      },
    },
    clock: systemClock,
    log: silentLog,
  });
  t.after(async () => {
    await keeper.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    keeper,
    logs,
    write(service, atMs, ...lines) {
      const file = path.join(folder, service, "output.log");
      mkdirSync(path.dirname(file), { recursive: true });
      const former = logs.find((one) => one.path === file);
      const text = lines.map((line) => `${line}\n`).join("");
      const end = (former?.end ?? 0) + Buffer.byteLength(text);
      appendFileSync(file, text);
      appendFileSync(timesPath(file), `${end} ${atMs}\n`);
      const object = {
        metadata: {
          name: `${service}-0`,
          namespace: "default",
          uid: `uid-${service}-${folder.slice(-6)}`,
          creationTimestamp: new Date(BASE_MS).toISOString(),
        },
        spec: { service, env: [{ name: "KEY", value: "hush-hush", secret: true }] },
      } as unknown as Instance;
      const next: HostLog = { instance: object, path: file, end };
      if (former === undefined) logs.push(next);
      else logs[logs.indexOf(former)] = next;
    },
    leave(service) {
      const index = logs.findIndex((one) => one.instance.spec.service === service);
      const [left] = logs.splice(index, 1);
      if (left === undefined) return;
      take(left);
      rmSync(path.dirname(left.path), { recursive: true, force: true });
    },
  };
}

const copyOf = <T extends { readonly metadata: { readonly name: string; readonly namespace?: string | undefined } }>(
  ...objects: readonly T[]
): LocalCopy<T> => ({
  get: (key) => objects.find(({ metadata }) => key === (metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`)),
  values: () => objects,
  byIndex: () => [],
  listen: () => {},
});
const service = (name: string, labels: Readonly<Record<string, string>> = {}): Microservice =>
  ({ kind: "Microservice", metadata: { name, namespace: "default", labels } }) as unknown as Microservice;
const EVERYBODY: PathCaller = { name: "anna", sees: () => true, seesAll: () => true, act: async () => {} };

interface Found {
  readonly hits: readonly {
    readonly time: string;
    readonly host: string;
    readonly service: string;
    readonly instance: string;
    readonly text: string;
  }[];
  readonly end:
    | {
        readonly isComplete: boolean;
        readonly hits: number;
        readonly hosts: readonly { readonly host: string; readonly state: string }[];
        readonly limit?: number;
      }
    | undefined;
}

async function search(
  hosts: Readonly<Record<string, HostRig | ((question: SearchQuestion) => AsyncIterable<SearchItem>)>>,
  query: string,
  more: {
    readonly caller?: PathCaller;
    readonly services?: readonly Microservice[];
    readonly known?: readonly string[];
    readonly signal?: AbortSignal;
    readonly onHit?: () => void;
    readonly patienceMs?: number;
  } = {},
): Promise<Found> {
  const { caller = EVERYBODY, services = [service("auth"), service("pay")], signal = new AbortController().signal } = more;
  const hits: Found["hits"][number][] = [];
  let end: Found["end"];
  const options = {
    copies: {
      hosts: copyOf(...(more.known ?? Object.keys(hosts)).map((name) => ({ metadata: { name } }) as never)),
      services: copyOf(...services),
      jobs: copyOf<never>(),
      resources: copyOf<never>(),
      instances: copyOf<never>(),
    },
    peers: {
      agentHosts: () => Object.keys(hosts),
      streamAgent: (host: string, _method: string, params: unknown, { signal: over }: { readonly signal: AbortSignal }): AsyncIterable<unknown> => {
        const one = hosts[host];
        if (one === undefined) throw new OrreryError("link/no-agent", "away");
        return typeof one === "function" ? one(params as SearchQuestion) : one.keeper.search(params as SearchQuestion, over);
      },
    },
    clock: systemClock,
    // A busy machine is no silent host.
    patienceMs: more.patienceMs ?? 120_000,
  };
  const request = readSearchRequest(new URLSearchParams(`sinceTime=2026-11-30T11:00:00Z&untilTime=2026-11-30T13:00:00Z&${query}`), BASE_MS);
  for await (const item of searchSite(request, caller, options, signal)) {
    if ("end" in item) end = item.end as Found["end"];
    else if (!("progress" in item)) {
      hits.push(item as Found["hits"][number]);
      more.onHit?.();
    }
  }
  return { hits, end };
}

test("lines of all hosts are found as one, newest first, sealed or not, also of instances that have gone, and secrets are not in them", async (t) => {
  const [one, two] = [hostRig(t), hostRig(t)];
  one.write("auth", at(1), "ERROR timeout a hush-hush");
  two.write("auth", at(2), "ERROR timeout b");
  await one.keeper.sealAll();
  two.write("pay", at(3), "ERROR timeout c");
  one.write("auth", at(4), "ERROR timeout d password=x1y2z3");
  two.leave("pay");
  const { hits, end } = await search({ one, two }, "search=timeout&level=error");
  assert.deepEqual(
    hits.map(({ host, service: of, text }) => [host, of, text]),
    [
      ["one", "auth", "ERROR timeout d password=(secret)"],
      ["two", "pay", "ERROR timeout c"],
      ["two", "auth", "ERROR timeout b"],
      ["one", "auth", "ERROR timeout a (secret)"],
    ],
  );
  assert.deepEqual([end?.isComplete, end?.hits], [true, 4]);
  await two.keeper.sealAll();
  assert.equal((await search({ one, two }, "service=pay")).hits.length, 1);
  assert.equal((await search({ one, two }, "service=pay&host=one")).hits.length, 0);
  assert.equal((await search({ one, two }, "instance=auth-0")).hits.length, 3);
});

test("who sees some services finds the lines of these alone, and the platform's are for those who see everything", async (t) => {
  const one = hostRig(t);
  one.write("auth", at(1), "mine");
  one.write("pay", at(2), "theirs");
  one.write("old", at(3), "of a service that has gone");
  const vera: PathCaller = {
    ...EVERYBODY,
    name: "vera",
    sees: (kind, object, reading) => kind === microservice && object.metadata.labels?.["team"] === "a" && reading?.subresource === "log",
    seesAll: () => false,
  };
  const services = [service("auth", { team: "a" }), service("pay", { team: "b" })];
  const texts = async (query: string, caller = vera): Promise<readonly string[]> =>
    (await search({ one }, query, { caller, services })).hits.map(({ text }) => text);
  assert.deepEqual(await texts(""), ["mine"]);
  assert.deepEqual(await texts("", EVERYBODY), ["of a service that has gone", "theirs", "mine"]);
  await assert.rejects(texts("service=pay"), { code: "store/missing" });
  await assert.rejects(texts("service=old"), { code: "store/missing" });
  await assert.rejects(texts("platform=true"), { code: "store/missing" });
  assert.deepEqual(await texts("service=old", EVERYBODY), ["of a service that has gone"]);
  assert.deepEqual(await texts("", { ...vera, sees: () => false }), []);
});

test("what leaves the reach of the reader while the search goes on is not given any more", async () => {
  const hits = (from: number) => ({
    hits: [{ owner: "default/microservice.auth", instance: "a", atMs: at(from), text: `${from}` }],
    reachedMs: at(from),
  });
  let isTheirs = true;
  const slow = async function* (): AsyncGenerator<SearchItem> {
    yield hits(9);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    yield hits(8);
  };
  const vera: PathCaller = { ...EVERYBODY, sees: () => isTheirs, seesAll: () => false };
  const found = await search({ one: slow }, "", {
    caller: vera,
    onHit: () => {
      isTheirs = false;
    },
  });
  assert.deepEqual(
    found.hits.map(({ text }) => text),
    ["9"],
  );
});

test("a host that is away, fails, or is silent holds nobody up, and is told of", async () => {
  const good = async function* (): AsyncGenerator<SearchItem> {
    yield { hits: [{ owner: "default/microservice.auth", instance: "a", atMs: at(1), text: "x" }], reachedMs: at(1) };
    yield { summary: { end: "complete", reachedMs: at(0), hits: 1, bytes: 1, segments: 0, skipped: 0, damaged: 0, dropped: [] } };
  };
  const silent = async function* (): AsyncGenerator<SearchItem> {
    await new Promise(() => {});
    yield* [];
  };
  const failing = async function* (): AsyncGenerator<SearchItem> {
    yield* [];
    throw new OrreryError("logs/busy", "8 searches run on this host");
  };
  const { hits, end } = await search({ good, silent, failing }, "limit=1", { known: ["good", "silent", "failing", "gone"], patienceMs: 100 });
  assert.equal(hits.length, 1);
  assert.deepEqual(
    end?.hosts.map(({ host, state }) => [host, state]),
    [
      ["good", "complete"],
      ["silent", "limit"],
      ["failing", "failed"],
      ["gone", "away"],
    ],
  );
  assert.equal(end?.isComplete, false);
});

test("a search that nobody wants any more ends on all hosts", async (t) => {
  const one = hostRig(t);
  one.write("auth", at(1), ...Array.from({ length: 5_000 }, (_, index) => `line ${index}`));
  await one.keeper.sealAll();
  const over = new AbortController();
  const { hits, end } = await search({ one }, "limit=5000", { signal: over.signal, onHit: () => over.abort() });
  assert.deepEqual([hits.length, end], [1, undefined]);
  assert.equal((await search({ one }, "limit=10")).hits.length, 10);
});

test("what cannot be asked is refused with what is allowed", () => {
  for (const query of [
    "level=loud",
    "regex=(",
    "trace=xyz",
    "limit=0",
    "limit=1000000",
    "since=soon",
    "sinceTime=yesterday",
    "timeout=x",
    `search=${"x".repeat(600)}`,
    `search=${"x ".repeat(30)}`,
  ])
    assert.throws(() => readSearchRequest(new URLSearchParams(query), BASE_MS), { code: "logs/invalid" }, query);
  const { question } = readSearchRequest(new URLSearchParams('search=a "b c" d&level=WARN'), BASE_MS);
  assert.deepEqual([question.words, question.level, question.fromMs], [["a", "b c", "d"], "warn", BASE_MS - 3_600_000]);
});
