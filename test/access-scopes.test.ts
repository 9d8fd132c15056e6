import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { type Random, seededRandom } from "#/base/index.ts";
import { instance, type Kind, microservice, resource, role, type StoredObject, user } from "#/model/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const ROLES = 50;
const OPERATIONS = 120;
const WAIT_MS = 10_000;
const LABELS = ["team", "place", "tier"];
const VALUES = ["a", "b", "c", "d", "e", "f"];
const KINDS = [microservice, instance, resource] as const satisfies readonly Kind[];
type Labels = Readonly<Record<string, string>>;

/** One requirement of a selector, with what it means said a second time. */
interface Requirement {
  readonly text: string;
  readonly holds: (labels: Labels) => boolean;
}

class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  labels(): Labels {
    return Object.fromEntries(LABELS.filter(() => this.below(3) > 0).map((label) => [label, this.one(VALUES)]));
  }

  requirement(): Requirement {
    const [label, value, other] = [this.one(LABELS), this.one(VALUES), this.one(VALUES)];
    return this.one<Requirement>([
      { text: `${label}=${value}`, holds: (labels) => labels[label] === value },
      { text: `${label}==${value}`, holds: (labels) => labels[label] === value },
      { text: `${label} in (${value},${other})`, holds: (labels) => labels[label] === value || labels[label] === other },
      { text: `${label}=${value},tier!=${other}`, holds: (labels) => labels[label] === value && labels["tier"] !== other },
      {
        text: `${label}=${value},place notin (a,b,${other})`,
        holds: (labels) => labels[label] === value && !["a", "b", other].includes(labels["place"] ?? ""),
      },
      {
        text: `${label}=${value},!${label === "team" ? "tier" : "team"}`,
        holds: (labels) => labels[label] === value && labels[label === "team" ? "tier" : "team"] === undefined,
      },
    ]);
  }
}

/** A role as the test knows it: what it reads of which kinds, and where. */
interface Scope {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly rule: Requirement;
  readonly where: Requirement | undefined;
}

/** What one person reads, said as simply as it can be. */
function sees(scopes: readonly Scope[], kind: Kind, object: StoredObject, services: ReadonlyMap<string, StoredObject>): boolean {
  const { service } = (object.spec ?? {}) as { readonly service?: string };
  const owner = kind === instance && service !== undefined ? services.get(service) : undefined;
  const labels = (owner ?? object).metadata.labels ?? {};
  return scopes.some(({ kinds, rule, where }) => kinds.includes(kind) && rule.holds(labels) && where?.holds(labels) !== false);
}

/** What a person has on the screen and in a watch, kept as clients keep it. */
class Eyes {
  readonly watched = new Map<Kind, Set<string>>();
  readonly viewed = new Map<Kind, Set<string>>();

  constructor(t: TestContext, site: ApiSite) {
    const stop = new AbortController();
    t.after(() => stop.abort());
    for (const kind of KINDS) void this.#watch(site, kind, stop.signal).catch(() => {});
    const socket = new WebSocket(`wss://127.0.0.1:${site.port}/views`, { ca: site.ca, headers: { authorization: `Bearer ${site.token("ann")}` } });
    t.after(() => socket.terminate());
    socket
      .on("error", () => {})
      .on("message", (data: Buffer) => {
        const told = JSON.parse(data.toString("utf8")) as {
          readonly hello?: object;
          readonly id?: string;
          readonly rows?: readonly { readonly key: string }[];
          readonly put?: readonly { readonly key: string }[];
          readonly gone?: readonly string[];
        };
        if (told.hello !== undefined)
          for (const { plural } of KINDS)
            socket.send(JSON.stringify({ op: "open", id: plural, view: { of: "objects", resource: plural, limit: 200 } }));
        const kind = KINDS.find(({ plural }) => plural === told.id);
        if (kind === undefined) return;
        const shown = told.rows === undefined ? (this.viewed.get(kind) ?? new Set<string>()) : new Set(told.rows.map(({ key }) => key));
        for (const key of told.gone ?? []) shown.delete(key);
        for (const { key } of told.put ?? []) shown.add(key);
        this.viewed.set(kind, shown);
      });
  }

  async #watch(site: ApiSite, kind: Kind, signal: AbortSignal): Promise<void> {
    const known = new Set<string>();
    this.watched.set(kind, known);
    for await (const line of site.client("ann").lines({ path: pathOf(kind), query: { watch: "true" }, signal })) {
      const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: StoredObject };
      if (type === "DELETED") known.delete(object.metadata.name);
      else if (type === "ADDED" || type === "MODIFIED") known.add(object.metadata.name);
      else assert.equal(type, "BOOKMARK", line);
    }
  }
}

const pathOf = (kind: Kind): string => `/apis/orrery.dev/v1/namespaces/default/${kind.plural}`;

/** All names of a list, page by page. */
async function listed(site: ApiSite, kind: Kind, limit: string): Promise<readonly string[]> {
  const names: string[] = [];
  let next: string | undefined;
  do {
    const { body } = await site.client("ann").request({ path: pathOf(kind), query: { limit, ...(next !== undefined && { continue: next }) } });
    const { items, metadata } = body as { readonly items: readonly StoredObject[]; readonly metadata: { readonly continue?: string } };
    names.push(...items.map((one) => one.metadata.name));
    next = metadata.continue === "" ? undefined : metadata.continue;
  } while (next !== undefined);
  return names;
}

for (const seed of [1, 2])
  test(`who has ${ROLES} roles for labels is listed, watches and looks at exactly what these give, whatever changes (seed ${seed})`, {
    timeout: 60_000,
  }, async (t) => {
    const dice = new Dice(seed);
    const site = await openApiSite(t, { hasPeople: true });
    const { store } = site;
    const scopes = new Map<string, Scope>();
    const granted = new Set<string>();
    const setRole = async (name: string): Promise<void> => {
      const kinds = KINDS.filter(() => dice.below(2) === 0);
      const scope: Scope = { name, kinds, rule: dice.requirement(), where: scopes.get(name)?.where };
      const spec = {
        rules: kinds.map(({ kind }) => ({ verbs: ["get", "list", "watch"], kinds: [kind], labels: scope.rule.text })),
        paths: [{ verbs: ["get"], paths: ["*"] }],
      };
      await (scopes.has(name)
        ? store.update(role, { metadata: { name }, spec: role.spec.parse(spec) })
        : store.create(role, { metadata: { name }, spec: role.spec.parse(spec) }));
      scopes.set(name, scope);
    };
    for (let index = 0; index < ROLES; index++) {
      await setRole(`role-${index}`);
      granted.add(`role-${index}`);
    }
    // Watching is theirs as long as one role says so: this one gives it, and no object.
    const setUser = async (): Promise<void> => {
      for (const name of granted) {
        const scope = scopes.get(name) as Scope;
        scopes.set(name, { ...scope, where: dice.below(3) === 0 ? dice.requirement() : undefined });
      }
      const roles = [
        { role: "none" },
        ...[...granted].map((name) => ({ role: name, ...(scopes.get(name)?.where !== undefined && { where: scopes.get(name)?.where?.text }) })),
      ];
      const whole = { metadata: { name: "ann" }, spec: user.spec.parse({ roles }) };
      await ((await store.get(user, { name: "ann" })) === undefined ? store.create(user, whole) : store.update(user, whole));
    };
    await store.create(role, {
      metadata: { name: "none" },
      spec: {
        rules: KINDS.map(({ kind }) => ({ verbs: ["get", "list", "watch"], kinds: [kind], labels: "nobody=has" })),
        paths: [{ verbs: ["get"], paths: ["*"] }],
      },
    });
    await setUser();
    let made = 0;
    const make = async ({ isEarly }: { readonly isEarly: boolean } = { isEarly: false }): Promise<void> => {
      const name = `x-${made++}`;
      const metadata = { name, labels: dice.labels() };
      const service = (): Promise<unknown> =>
        store.create(microservice, { metadata, spec: { template: { version: "v1", run: { command: ["x"] } } } });
      // Copies of two kinds are filled apart: what belongs to a service may be seen before it.
      if (!isEarly) await service();
      await store.create(instance, {
        metadata: { name, labels: dice.labels() },
        spec: { host: "h", slot: 0, service: name, revision: `${name}-1`, generation: 1, run: { command: ["x"] } },
      });
      if (isEarly) await service();
      await store.create(resource, { metadata: { name, labels: dice.labels() }, spec: { type: "thing", id: name } as object });
    };
    for (let index = 0; index < 25; index++) await make();
    const eyes = new Eyes(t, site);
    const someName = async (kind: Kind): Promise<string | undefined> => {
      const { items } = await store.list(kind);
      return items.length === 0 ? undefined : dice.one(items).metadata.name;
    };
    const operations: readonly (() => Promise<unknown>)[] = [
      () => make(),
      async () => {
        const kind = dice.one(KINDS);
        const name = await someName(kind);
        // What is not said stays: each label is said.
        const labels = { team: null, place: null, tier: null, ...dice.labels() };
        if (name !== undefined) await store.patch(kind, { name }, { type: "merge", body: { metadata: { labels } } });
      },
      async () => {
        const kind = dice.one(KINDS);
        const name = await someName(kind);
        if (name !== undefined && dice.below(2) === 0) await store.delete(kind, { name });
      },
      async () => await setRole(dice.one([...scopes.keys()])),
      async () => {
        const name = dice.one([...scopes.keys()]);
        if (!granted.delete(name)) granted.add(name);
        await setUser();
      },
    ];
    const expected = async (kind: Kind): Promise<readonly string[]> => {
      const services = new Map((await store.list(microservice)).items.map((one) => [one.metadata.name, one]));
      const held = [...granted].map((name) => scopes.get(name) as Scope);
      return (await store.list(kind)).items.filter((one) => sees(held, kind, one, services)).map(({ metadata }) => metadata.name);
    };
    const check = async (when: string): Promise<void> => {
      for (const kind of KINDS) {
        const wanted = (await expected(kind)).toSorted();
        const found = async (): Promise<Readonly<Record<string, readonly string[]>>> => ({
          listed: (await listed(site, kind, "500")).toSorted(),
          paged: (await listed(site, kind, "7")).toSorted(),
          watched: [...(eyes.watched.get(kind) ?? [])].toSorted(),
          viewed: [...(eyes.viewed.get(kind) ?? [])].map((key) => key.replace("default/", "")).toSorted(),
        });
        const whole = { listed: wanted, paged: wanted, watched: wanted, viewed: wanted };
        const untilMs = performance.now() + WAIT_MS;
        let last = await found();
        while (JSON.stringify(last) !== JSON.stringify(whole) && performance.now() < untilMs) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          last = await found();
        }
        assert.deepEqual(last, whole, `${kind.kind} ${when}`);
      }
    };
    await check("at the start");
    let some = 0;
    for (let count = 1; count <= OPERATIONS; count++) {
      await dice.one(operations)();
      if (count % 20 !== 0) continue;
      await check(`after ${count} changes`);
      some += (await expected(microservice)).length;
    }
    for (let count = 0; count < 20; count++) await make({ isEarly: true });
    await check("after instances that were there before their services");
    const all = (await store.list(microservice)).items.length;
    assert.ok(some > 0 && (await expected(microservice)).length < all, "some are seen, and some are not");
  });
