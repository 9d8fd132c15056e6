import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { OrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { run } from "#/face/cli/rig.ts";
import { instance, microservice, type Resource, resource } from "#/model/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { encodeLines, type Link, type LogLine, type LogQuestion } from "#/state/link/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const thing = (name: string, more: object = {}) => ({ metadata: { name }, spec: { id: name, type: "thing", ...more } });

/** Runs a command that goes on, against a real API: each step is done when the output shows what it awaits; at the end of the steps it is ended as by Ctrl-C. */
async function follow(site: ApiSite, args: readonly string[], steps: readonly (readonly [RegExp, () => unknown])[], said = ""): Promise<string> {
  const ending = new AbortController();
  let next = 0;
  const { out, status, note } = await run(args, {
    client: () => site.client(),
    clock: systemClock,
    signal: ending.signal,
    onOut: (text) => {
      const step = steps[next];
      if (step === undefined || !step[0].test(text)) return;
      next++;
      if (next === steps.length) ending.abort();
      void step[1]();
    },
  });
  assert.deepEqual([status, note], [0, said]);
  return out;
}

test("get -w shows the table, then a row for each change, also of one object and as JSON", async (t) => {
  const site = await openApiSite(t);
  await site.store.create(resource, thing("a"));
  const watchAll = (args: readonly string[], last: RegExp, said?: string): Promise<string> =>
    follow(
      site,
      args,
      [
        [/a/, () => site.store.create(resource, thing("b", { description: "x" }))],
        [/\bb\b/, () => site.store.delete(resource, { name: "b" })],
        [last, () => {}],
      ],
      said,
    );
  const table = (await watchAll(["get", "res", "-w"], /\(deleted\)/)).trimEnd().split("\n");
  assert.match(table[0] ?? "", /^NAME +ID +TYPE/);
  assert.deepEqual(
    table.slice(1).map((line) => line.split(/ +/)[0]),
    ["a", "b", "b"],
  );
  const json = (await watchAll(["get", "res", "-w", "-o", "json"], /"b"[\s\S]*\n[\s\S]*"b"/)).trimEnd().split("\n");
  assert.deepEqual(
    json.map((line) => (JSON.parse(line) as Resource).metadata.name),
    ["a", "b", "b"],
  );
  assert.equal(
    await watchAll(["get", "res", "a", "b", "-w", "-o", "name"], /b\n[\s\S]*b\n/, "there is no resource b; waiting\n"),
    "resource.orrery.dev/a\nresource.orrery.dev/b\nresource.orrery.dev/b\n",
  );
  assert.match((await run(["get", "res,ms", "-w"], { client: () => site.client() })).note, /only one kind/);
});

test("events are those of the site, of a kind, of an object; warnings, the last minutes, and what comes", async (t) => {
  const site = await openApiSite(t);
  const dish = await site.store.create(resource, thing("dish"));
  const mast = await site.store.create(resource, thing("mast"));
  const tell = (object: Resource, type: "Normal" | "Warning", reason: string, message: string): void =>
    site.store.emit({ kind: resource, object, type, reason, message, component: "test" });
  tell(dish, "Normal", "Moved", "to the roof");
  tell(dish, "Warning", "Stuck", "in\nthe \u001b[31mwind");
  tell(mast, "Normal", "Moved", "to the yard");
  const show = async (...args: string[]): Promise<string> =>
    (await run(["events", ...args], { client: () => site.client(), clock: systemClock })).out;
  assert.match(
    await show(),
    /^SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+\S* +Normal +Moved +resource\/dish +to the roof\n.*Warning +Stuck +resource\/dish +in\\nthe \\u001b\[31mwind\n/,
  );
  for (const args of [["dish"], ["res", "dish"], ["res/dish"]]) assert.equal((await show(...args)).split("\n").length, 4, args.join(" "));
  assert.equal((await show("res")).split("\n").length, 5);
  assert.equal((await show("dish", "--warnings")).split("\n").length, 3);
  assert.equal((await show("--since", "1h")).split("\n").length, 5);
  assert.equal(await show("hosts"), "");
  assert.match(await show("-o", "wide"), /FROM +FIRST[\s\S]* test /);
  assert.deepEqual(JSON.parse(await show("-o", "json")).items.length, 3);
  assert.match(await show("-o", "name"), /^event\/dish\.\w+\n/);
  assert.equal((await run(["events", "a", "b", "c"], { client: () => site.client() })).status, 2);
  const seen = await follow(
    site,
    ["events", "mast", "-w"],
    [
      [/to the yard/, () => tell(mast, "Warning", "Fell", "over")],
      [/Fell/, () => {}],
    ],
  );
  assert.match(seen, /^SEEN.*\n.*to the yard\n.*Warning +Fell +resource\/mast +over\n$/);
});

test("events of what is not there: an error where there are none, and what has happened where it was", async (t) => {
  const site = await openApiSite(t);
  const dish = await site.store.create(resource, thing("dish"));
  site.store.emit({ kind: resource, object: dish, type: "Normal", reason: "Moved", message: "to the roof", component: "test" });
  await site.store.create(resource, thing("mast"));
  await site.store.delete(resource, { name: "dish" });
  const show = async (...args: string[]): Promise<readonly [number, string, string]> => {
    const { status, out, note } = await run(["events", ...args], { client: () => site.client(), clock: systemClock });
    return [status, out.split("\n")[1]?.split(/ +/).slice(1, 4).join(" ") ?? "", note];
  };
  for (const args of [["dish"], ["res/dish"], ["res", "dish"]]) assert.deepEqual(await show(...args), [0, "Normal Moved resource/dish", ""]);
  // There is something of it, or it is there: only nothing fits.
  for (const args of [["dish", "--warnings"], ["res/dish", "--warnings"], ["mast"], ["res/mast"], ["res", "mast", "--since", "1m"]])
    assert.deepEqual(await show(...args), [0, "", "no events in the last hour that fit\n"], args.join(" "));
  for (const [args, words] of [
    [["nobody"], 'no kind and no object is called "nobody"'],
    [["microservce"], 'no kind and no object is called "microservce"'],
    [["res/nobody"], "there is no resource nobody"],
    [["ms", "mast", "--warnings"], "there is no microservice mast"],
  ] as const)
    assert.deepEqual(await show(...args), [1, "", `error: ${words}, and nothing has happened to one in the last hour\n`]);
  for (const args of [["res/"], ["res/mast/x"], ["/mast"], ["res", ""]])
    assert.equal((await run(["events", ...args], { client: () => site.client() })).status, 2, args.join(" "));
  const missing = await run(["get", "res", "nobody"], { client: () => site.client() });
  assert.equal(missing.status, 1);
});

test("get -w of what is not there says so, and waits for it", async (t) => {
  const site = await openApiSite(t);
  await site.store.create(resource, thing("mast"));
  for (const [args, words] of [
    [["res", "nobody"], "there is no resource nobody; waiting\n"],
    [["res", "mast", "nobody", "noone"], "there is no resource nobody, noone; waiting\n"],
    [["res", "-l", "a=b"], "no resources; waiting\n"],
    [["ms", "-o", "name"], "no microservices; waiting\n"],
    [["res", "mast"], ""],
  ] as const) {
    const ending = new AbortController();
    const { note } = await run(["get", ...args, "-w"], {
      client: () => {
        const client = site.client();
        return {
          ...client,
          request: (one) => client.request(one),
          close: () => client.close(),
          // biome-ignore lint/correctness/useYield: the watch ends as soon as it has begun.
          async *lines() {
            ending.abort();
          },
        } as Client;
      },
      clock: systemClock,
      signal: ending.signal,
    });
    assert.equal(note, words);
  }
});

/** A way to the API that can be cut: what runs over it is lost, and nobody listens until it is opened again. */
class CutWay {
  #site: ApiSite;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(site: ApiSite) {
    this.#site = site;
  }

  /** Leads to another API from now on. */
  lead(site: ApiSite): void {
    this.#site = site;
  }

  async open(): Promise<void> {
    const server = createServer((socket) => {
      const onward = connect(this.#site.port, "127.0.0.1");
      for (const one of [socket, onward]) {
        this.#sockets.add(one);
        one.on("error", () => one.destroy()).once("close", () => this.#sockets.delete(one));
      }
      socket.pipe(onward).pipe(socket);
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async cut(): Promise<void> {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server ?? assert.fail(), "close");
  }

  client(): Client {
    const { ca } = this.#site;
    const url = `https://127.0.0.1:${this.#port}`;
    const token = this.#site.token("admin");
    return createClient({ url, ca, token, clock: systemClock, random: systemRandom, log: silentLog, userAgent: "test" });
  }
}

/** Runs a command that goes on, and each step when the output shows what it awaits; the last one ends it. */
async function followOver(
  t: TestContext,
  site: ApiSite,
  args: readonly string[],
  steps: (way: CutWay) => readonly (readonly [RegExp, () => unknown])[],
): Promise<string> {
  const way = new CutWay(site);
  await way.open();
  t.after(() => way.cut());
  const ending = new AbortController();
  const all = steps(way);
  let next = 0;
  const { out, status, note } = await run(args, {
    client: () => way.client(),
    clock: systemClock,
    signal: ending.signal,
    onOut: (text) => {
      const step = all[next];
      if (step === undefined || !step[0].test(text)) return;
      next++;
      if (next === all.length) ending.abort();
      else void step[1]();
    },
  });
  assert.deepEqual([status, note], [0, ""]);
  return out;
}

test("get -w goes on where it was after the centre was away, with what changed meanwhile", async (t) => {
  const site = await openApiSite(t);
  await site.store.create(resource, thing("a"));
  const out = await followOver(t, site, ["get", "res", "-w", "-o", "name"], (way) => [
    [
      /a\n/,
      async () => {
        await way.cut();
        await site.store.create(resource, thing("b"));
        await way.open();
      },
    ],
    [/b\n/, () => site.store.create(resource, thing("c"))],
    [/c\n/, () => {}],
  ]);
  assert.equal(out, "resource.orrery.dev/a\nresource.orrery.dev/b\nresource.orrery.dev/c\n");
});

test("get -w shows once what was changed, made and deleted while a centre was away that remembers none of it when it is back", async (t) => {
  const site = await openApiSite(t);
  for (const name of ["changed", "gone", "same", "other"]) await site.store.create(resource, thing(name));
  // Started anew, it knows the present state and no history.
  const restarted = async (way: CutWay, meanwhile: () => Promise<void>): Promise<void> => {
    await way.cut();
    await meanwhile();
    way.lead(await openApiSite(t, { tree: site.tree, folder: site.folder }));
    await way.open();
  };
  const steps = (last: RegExp) => (way: CutWay) =>
    [
      [
        /same/,
        () =>
          restarted(way, async () => {
            await site.store.patch(resource, { name: "changed" }, { type: "merge", body: { spec: { place: "1" } } });
            await site.store.patch(resource, { name: "changed" }, { type: "merge", body: { spec: { place: "roof" } } });
            await site.store.delete(resource, { name: "gone" });
            await site.store.delete(resource, { name: "other" });
            await site.store.create(resource, thing("other"));
            await site.store.create(resource, thing("new"));
          }),
      ],
      [last, () => {}],
    ] as const;
  const rows = (await followOver(t, site, ["get", "res", "-w", "-o", "wide"], steps(/new/))).trimEnd().split("\n").slice(1);
  const told = rows.map((row) => `${row.split(/ +/)[0]}${row.includes("roof") ? " roof" : ""}${row.endsWith("(deleted)") ? " deleted" : ""}`);
  assert.deepEqual(told.slice(0, 4).toSorted(), ["changed", "gone", "other", "same"]);
  assert.deepEqual(told.slice(4).toSorted(), ["changed roof", "gone deleted", "new", "other", "other deleted"]);
  assert.ok(told.indexOf("other deleted") < told.lastIndexOf("other"));
});

test("events -w goes on after the centre was away, and tells each event once", async (t) => {
  const site = await openApiSite(t);
  const mast = await site.store.create(resource, thing("mast"));
  const tell = (reason: string): void => site.store.emit({ kind: resource, object: mast, type: "Normal", reason, message: "m", component: "test" });
  tell("First");
  const out = await followOver(t, site, ["events", "-w"], (way) => [
    [
      /First/,
      async () => {
        await way.cut();
        tell("Second");
        await way.open();
      },
    ],
    [/Second/, () => tell("Third")],
    [/Third/, () => {}],
  ]);
  assert.deepEqual(
    out
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ +/)[2]),
    ["First", "Second", "Third"],
  );
});

/** An agent whose instances print what is said, as agents answer: lines with times, several of them in one look. */
class Speaker {
  readonly #said = new Map<string, LogLine[]>();
  #more = Promise.withResolvers<void>();
  #link: Link | undefined;
  /** Instances that were made a moment ago. */
  readonly unknown = new Set<string>();

  async connect(site: ApiSite): Promise<void> {
    const { link } = await site
      .client("agent")
      .openLink(
        { component: "agent", name: "h", host: "h", version: "0.1.0" },
        { streams: { "log/lines": (params, signal) => this.#lines(params as LogQuestion & { readonly instance: string }, signal) } },
      );
    this.#link = link;
  }

  leave(): void {
    this.#link?.close("away");
  }

  say(instance: string, atMs: number, ...texts: string[]): void {
    this.#said.set(instance, [...(this.#said.get(instance) ?? []), ...texts.map((text) => ({ text, atMs, sinceMs: atMs }))]);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  async *#lines(
    { instance: name, sinceMs = 0, tailLines }: LogQuestion & { readonly instance: string },
    signal: AbortSignal,
  ): AsyncGenerator<unknown, void, undefined> {
    if (this.unknown.has(name)) throw new OrreryError("agent/no-instance", `instance default/${name} is not on this host`);
    const all = (): readonly LogLine[] => this.#said.get(name) ?? [];
    let position = tailLines === undefined ? 0 : Math.max(0, all().length - tailLines);
    const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const more = this.#more.promise;
      const fresh = all()
        .slice(position)
        .filter((line) => (line.atMs ?? 0) >= sinceMs);
      position = all().length;
      if (fresh.length > 0 || isFirst) yield encodeLines(fresh);
      if (isFirst && fresh.length > 0) yield encodeLines([]);
      await Promise.race([more, ended]);
    }
  }
}

async function openSpeakingSite(t: TestContext): Promise<{ readonly site: ApiSite; readonly speaker: Speaker }> {
  const site = await openApiSite(t);
  await site.store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", run: { command: ["node"] } } } });
  for (const slot of [0, 1])
    await site.store.create(instance, {
      metadata: { name: `auth-${slot}` },
      spec: { host: "h", slot, service: "auth", revision: "auth-v1-1", version: "v1", run: { command: ["node"] } },
    });
  const speaker = new Speaker();
  await speaker.connect(site);
  return { site, speaker };
}

test("logs -f shows an instance from its first line, also where its agent learns of it a moment later", async (t) => {
  const { site, speaker } = await openSpeakingSite(t);
  const nowMs = Date.now();
  speaker.say("auth-0", nowMs, "old");
  const out = await follow(
    site,
    ["logs", "auth", "-f"],
    [
      [
        /old\n/,
        async () => {
          speaker.unknown.add("auth-2");
          await site.store.create(instance, {
            metadata: { name: "auth-2" },
            spec: { host: "h", slot: 2, service: "auth", revision: "auth-v2-1", version: "v2", run: { command: ["node"] } },
          });
          speaker.say("auth-2", nowMs + 1, "I crash");
          speaker.say("auth-0", nowMs + 2, "on");
        },
      ],
      [/on\n/, () => speaker.unknown.delete("auth-2")],
      [/I crash\n/, () => {}],
    ],
  );
  assert.deepEqual(out.split("\n").sort(), ["", "auth-0 | old", "auth-0 | on", "auth-2 | I crash"]);
});

for (const [args, before] of [
  [["logs", "auth", "-f"], "auth-0 | old\nauth-1 | old\nauth-0 | one\nauth-0 | two\n"],
  [["logs", "auth", "-f", "--tail", "1"], "auth-1 | old\nauth-0 | two\n"],
] as const)
  test(`${args.join(" ")} goes on after the centre, and then the agent, was away: no line comes twice, none is lost`, async (t) => {
    const { site, speaker } = await openSpeakingSite(t);
    const nowMs = Date.now();
    speaker.say("auth-0", nowMs - 60_000, "old");
    speaker.say("auth-1", nowMs - 59_000, "old");
    speaker.say("auth-0", nowMs - 1_000, "one", "two");
    const out = await followOver(t, site, args, (way) => [
      [
        /two\n/,
        async () => {
          await way.cut();
          // Some in the same look as what was given, and of one that has been quiet.
          speaker.say("auth-0", nowMs - 1_000, "three");
          speaker.say("auth-1", nowMs + 1, "four", "four");
          await way.open();
        },
      ],
      [
        /four\n.*four\n/s,
        async () => {
          speaker.leave();
          speaker.say("auth-1", nowMs + 1, "five");
          speaker.say("auth-0", nowMs + 2, "six");
          await speaker.connect(site);
        },
      ],
      [/six\n/, () => speaker.say("auth-0", nowMs + 3, "seven")],
      [/seven\n/, () => {}],
    ]);
    assert.equal(out, `${before}auth-0 | three\nauth-1 | four\nauth-1 | four\nauth-1 | five\nauth-0 | six\nauth-0 | seven\n`);
  });
