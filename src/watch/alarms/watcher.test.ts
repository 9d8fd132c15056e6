import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { SMTPServer } from "smtp-server";
import { given, OrreryError, silentLog, systemRandom } from "#/base/index.ts";
import { alarmChannel, alarmRule, host, instance, maintenance, microservice, timestamp } from "#/model/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { SERIES, type SeriesStore } from "#/watch/series/index.ts";
import { send } from "./delivery/sender.ts";
import { type OpenStore, ready, startAlarms } from "./rig.ts";

const openStore: OpenStore = async (clock, kinds) => {
  const tree = await openSqliteTree({ file: path.join(mkdtempSync(path.join(os.tmpdir(), "alarms-")), "tree.db"), clock, random: systemRandom });
  const store = await openTreeStore({ tree, clock, random: systemRandom, kinds, log: silentLog });
  return {
    store,
    close: async () => {
      await store.close();
      await tree.close();
    },
  };
};
const MINUTE = 60_000;
const instanceSpec = (hostName: string) => ({ host: hostName, slot: 0, service: "auth", run: { command: ["x"] } });

test("500 consequences under a dead host, of which 3 stay broken: exactly these are told", async (t) => {
  const { clock, store, sent, settle, pass, stands, write, channel } = await startAlarms(t, openStore);
  await channel("ops");
  await store.create(alarmRule, {
    metadata: { name: "broken" },
    spec: { of: { kind: "Instance" }, condition: { type: "Works" }, severity: "major" },
  });
  await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
  const works = (status: "True" | "False") => ({
    conditions: [{ ...ready(status, "Told", clock.now()), type: "Works" }],
    observedAt: timestamp(clock.now()),
  });
  await Promise.all(Array.from({ length: 500 }, (_, index) => write(instance, `i-${index}`, works("True"), instanceSpec("h"))));
  await settle();
  await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(10_000);
  await settle();
  assert.deepEqual([sent.length, await stands("host-lost")], [1, ["Unacknowledged"]]);
  // The agent is back for a moment: all that was on it is broken; then the host is lost again.
  for (let index = 0; index < 500; index++) await write(instance, `i-${index}`, works("False"));
  await settle();
  await pass(2_000);
  assert.equal((await stands("broken")).length, 0, "of a lost host nobody sees anything");
  await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
  await pass(100);
  for (let index = 3; index < 500; index++) await write(instance, `i-${index}`, works("True"));
  for (let index = 0; index < 3; index++) await write(instance, `i-${index}`, { observedAt: timestamp(clock.now() + 1) });
  await settle();
  await pass(90_000);
  await settle();
  const told = sent.flatMap(({ entries }) =>
    entries.filter(({ due, identity }) => due.what === "raised" && identity.type === "broken").map(({ identity }) => identity.resource.name),
  );
  assert.deepEqual(told.toSorted(), ["i-0", "i-1", "i-2"]);
});

test("consequences by the graph are suppressed, name their cause, and are judged anew when it is over", async (t) => {
  const { clock, sent, settle, pass, alarms, stands, write, channel } = await startAlarms(t, openStore);
  await channel("ops");
  await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
  await write(instance, "auth-0", { conditions: [ready("True", "Ready", clock.now())], ready: true }, instanceSpec("h"));
  await write(microservice, "auth", { conditions: [ready("True", "Ready", clock.now())] }, { template: { version: "v1", run: { command: ["x"] } } });
  await settle();
  await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await write(microservice, "auth", { conditions: [ready("Unknown", "HostLost", clock.now())] });
  await pass(60_000);
  await settle();
  const [service] = await alarms("service-host-lost");
  assert.equal(service?.status?.stands, "Suppressed");
  assert.match(service?.status?.suppressed?.message ?? "", /consequence of host-lost\.[0-9a-f]+: Host h/);
  await write(microservice, "auth", { conditions: [ready("True", "Ready", clock.now())] });
  await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
  await pass(120_000);
  await settle();
  assert.deepEqual(await stands("service-host-lost"), ["Over"]);
  assert.deepEqual(await stands("host-lost"), ["Cleared"]);
  assert.ok(sent.every(({ entries }) => entries.every(({ identity }) => identity.type === "host-lost")));
});

test("after a day without anybody who takes it, one message tells how it is", async (t) => {
  const { clock, store, sent, state, settle, pass, write, channel } = await startAlarms(t, openStore);
  await channel("mail");
  state.isFailing = true;
  await store.create(alarmRule, { metadata: { name: "down" }, spec: { of: { kind: "Host" }, condition: { type: "Up" } } });
  const up = (status: "True" | "False") => ({ conditions: [{ ...ready(status, "Told", clock.now()), type: "Up" }] });
  for (let index = 0; index < 300; index++) await write(host, `h-${index}`, up("False"));
  await pass(20 * MINUTE);
  for (let index = 0; index < 100; index++) await write(host, `h-${index}`, up("True"));
  await pass(20 * MINUTE);
  await settle();
  assert.deepEqual([sent.length, (await store.get(alarmChannel, { name: "mail" }))?.status?.conditions?.[0]?.reason], [0, "DeliveryFailed"]);
  state.isFailing = false;
  await pass(10 * MINUTE);
  await settle();
  const down = sent.flatMap(({ entries }) => entries.filter(({ identity }) => identity.type === "down"));
  assert.ok(sent.length <= 3, String(sent.length));
  assert.equal(down.length, 200, "what came and went meanwhile is not told");
  assert.ok(down.every(({ due }) => due.what === "raised"));
});

test("a new leader repeats nothing, and who was not told of a raise is not told of its end", async (t) => {
  const { clock, sent, start, end, settle, pass, write, channel } = await startAlarms(t, openStore);
  await channel("ops");
  await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(20_000);
  await settle();
  assert.equal(sent.length, 1);
  for (let turn = 0; turn < 3; turn++) {
    await end();
    await start();
    await pass(20_000);
    await settle();
  }
  assert.equal(sent.length, 1);
  await channel("late", { severities: ["minor"] });
  await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
  await pass(20_000);
  await settle();
  assert.deepEqual(
    sent.map((one) => [one.channel, one.entries[0]?.due.what]),
    [
      ["ops", "raised"],
      ["ops", "cleared"],
    ],
  );
});

test("a message of which a crash took the answer comes again as it was, with its id, before what is new", async (t) => {
  const { clock, sent, state, start, end, settle, pass, write, channel } = await startAlarms(t, openStore);
  await channel("ops", { timeout: "5m" });
  await pass(1_000);
  state.isHanging = true;
  for (const name of ["a", "b"]) await write(host, name, { conditions: [ready("Unknown", "AgentLost", clock.now() - MINUTE)] });
  await settle();
  await pass(20_000);
  await settle();
  assert.deepEqual(
    sent.map(({ entries }) => entries.map(({ identity }) => identity.resource.name).toSorted()),
    [["a", "b"]],
  );
  await end();
  state.isHanging = false;
  await write(host, "c", { conditions: [ready("Unknown", "AgentLost", clock.now() - MINUTE)] });
  await start();
  await pass(20_000);
  await settle();
  assert.deepEqual(
    sent.map(({ id, entries }) => [id === sent[0]?.id, entries.map(({ identity }) => identity.resource.name).toSorted()]),
    [
      [true, ["a", "b"]],
      [true, ["a", "b"]],
      [false, ["c"]],
    ],
  );
  await write(host, "a", { conditions: [ready("True", "Ready", clock.now())] });
  await pass(20_000);
  await settle();
  assert.deepEqual(
    sent.at(-1)?.entries.map(({ due }) => due.what),
    ["cleared"],
  );
});

test("the next person is told of what nobody has acknowledged in time, and not of what somebody has", async (t) => {
  const { clock, sent, settle, pass, alarms, write, channel, operate } = await startAlarms(t, openStore);
  await channel("first");
  await channel("second", { after: "10m" });
  for (const name of ["a", "b"]) await write(host, name, { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(MINUTE);
  const [seen] = (await alarms("host-lost")).filter(({ spec }) => spec.resource.name === "a");
  await operate({ operation: "acknowledge", message: "mine", alarms: [{ name: seen?.metadata.name ?? "", occurrence: 1, severity: "critical" }] });
  await pass(15 * MINUTE);
  await settle();
  const second = sent.filter((one) => one.channel === "second").flatMap(({ entries }) => entries.map(({ identity }) => identity.resource.name));
  assert.deepEqual(second, ["b"]);
});

test("shelved it is not told; at the end of its time the present state is, once", async (t) => {
  const { clock, sent, settle, pass, alarms, stands, write, channel, operate } = await startAlarms(t, openStore);
  await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(20_000);
  const [one] = await alarms("host-lost");
  const name = one?.metadata.name ?? "";
  assert.equal((await operate({ operation: "shelve", for: "1h", message: "known", alarms: [{ name }] })).items[0]?.outcome, "done");
  await channel("ops");
  for (let turn = 0; turn < 3; turn++) {
    await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
    await pass(MINUTE);
    await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
    await pass(MINUTE);
  }
  assert.deepEqual([sent.length, await stands("host-lost")], [0, ["Shelved"]]);
  await pass(60 * MINUTE);
  await settle();
  assert.deepEqual([sent.length, sent[0]?.entries.length, await stands("host-lost")], [1, 1, ["Unacknowledged"]]);
});

test("maintenance silences what is worked on and what hangs on it, and ends by itself", async (t) => {
  const { clock, store, sent, settle, pass, stands, write, channel } = await startAlarms(t, openStore);
  await channel("ops");
  await store.create(maintenance, {
    metadata: { name: "disk" },
    spec: { of: [{ kind: "Host", names: ["h"] }], until: timestamp(clock.now() + 30 * MINUTE), reason: "a new disk" },
  });
  await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await write(host, "other", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(MINUTE);
  await settle();
  assert.deepEqual((await stands("host-lost")).toSorted(), ["Suppressed", "Unacknowledged"]);
  assert.deepEqual(
    sent.flatMap(({ entries }) => entries.map(({ identity }) => identity.resource.name)),
    ["other"],
  );
  await pass(40 * MINUTE);
  await settle();
  assert.deepEqual(await stands("host-lost"), ["Unacknowledged", "Unacknowledged"]);
  assert.deepEqual(
    sent.flatMap(({ entries }) => entries.map(({ identity }) => identity.resource.name)),
    ["other", "h"],
  );
  assert.equal((await store.get(maintenance, { name: "disk" }))?.status?.phase, "Over");
});

test("a link that is cut for half a minute in every five clears nothing, tells nothing again, and what is not seen is said", async (t) => {
  const state = { isCut: false };
  const series = {
    query: async () => ({
      type: "vector",
      warnings: [],
      series: state.isCut ? [] : [{ labels: { __name__: "host_cpu_percent", host: "h" }, times: Float64Array.of(0), values: Float64Array.of(95) }],
    }),
  } as unknown as SeriesStore;
  const { clock, store, board, sent, settle, pass, alarms, write, channel } = await startAlarms(t, openStore, { given: [given(SERIES, series)] });
  await channel("ops");
  await store.create(alarmRule, {
    metadata: { name: "busy" },
    spec: { series: { selector: "host_cpu_percent", above: 90 }, severity: "minor", delay: "1m" },
  });
  const report = { disks: [{ mount: "/", totalBytes: 100, availableBytes: 2 }], clockAheadMs: 0 };
  /** As an agent reports: every few seconds, and not while its link is cut. */
  const live = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 5_000) {
      if (!state.isCut) board.put("hosts", "h", report, "h");
      await pass(5_000);
    }
  };
  const crash = { conditions: [ready("False", "CrashLoop", clock.now())], phase: "Backoff" };
  await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
  await write(instance, "i", crash, instanceSpec("h"));
  await live(4 * MINUTE);
  await settle();
  const types = ["instance-crash-loop", "busy", "disk-filling"];
  for (const type of types)
    assert.deepEqual(
      (await alarms(type)).map(({ status }) => status?.condition),
      ["raised"],
      type,
    );
  for (let turn = 0; turn < 6; turn++) {
    state.isCut = true;
    await write(host, "h", { conditions: [ready("Unknown", "AgentLost", clock.now())] });
    await live(30_000);
    await settle();
    for (const type of types) assert.ok((await alarms(type))[0]?.status?.unobservedSince !== undefined, `${type} ${turn}`);
    state.isCut = false;
    await write(host, "h", { conditions: [ready("True", "Ready", clock.now())] });
    await live(4.5 * MINUTE);
  }
  await settle();
  for (const type of types) {
    const [one] = await alarms(type);
    assert.deepEqual([type, one?.status?.condition, one?.status?.occurrence, one?.status?.unobservedSince], [type, "raised", 1, undefined]);
    const told = sent.flatMap(({ entries }) => entries.filter(({ identity }) => identity.type === type).map(({ due }) => due.what));
    assert.deepEqual([type, told], [type, ["raised"]]);
  }
});

test("a mail server that is away for a day: of 2,000 alarms that came, went and stayed, at most three mails tell", async (t) => {
  const mails: string[] = [];
  let server: SMTPServer | undefined;
  const listen = async (port: number): Promise<number> => {
    const opened = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      onData(stream, _session, done) {
        let text = "";
        stream.on("data", (chunk: Buffer) => {
          text += chunk.toString("utf8");
        });
        stream.on("end", () => {
          mails.push(text);
          done();
        });
      },
    });
    opened.listen(port, "127.0.0.1");
    await once(opened.server, "listening");
    server = opened;
    return (opened.server.address() as AddressInfo).port;
  };
  const close = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    await new Promise<void>((resolve) => (closing === undefined ? resolve() : closing.close(resolve)));
  };
  t.after(close);
  const port = await listen(0);
  await close();
  const { clock, store, settle, pass, write, channel } = await startAlarms(t, openStore, { send });
  const email = { to: ["ops@example.org"], from: "orrery@example.org", server: { host: "127.0.0.1", port, tls: "none" } };
  await store.create(alarmChannel, { metadata: { name: "mail" }, spec: { email, labels: "team=a" } });
  await channel("other", { labels: "no=such" });
  await store.create(alarmRule, {
    metadata: { name: "down" },
    spec: { of: { kind: "Host" }, condition: { type: "Up" }, labels: { team: "a" } },
  });
  const up = (status: "True" | "False") => ({ conditions: [{ ...ready(status, "Told", clock.now()), type: "Up" }] });
  // Over the day they come in four parts; of each, half is well again soon.
  for (let part = 0; part < 4; part++) {
    await Promise.all(Array.from({ length: 500 }, (_, index) => write(host, `h-${part}-${index}`, up("False"))));
    await settle();
    await pass(3 * 60 * MINUTE, 2);
    await Promise.all(Array.from({ length: 250 }, (_, index) => write(host, `h-${part}-${index}`, up("True"))));
    await settle();
    await pass(3 * 60 * MINUTE, 2);
  }
  await settle();
  assert.equal(mails.length, 0);
  const failing = (await store.get(alarmChannel, { name: "mail" }))?.status;
  assert.deepEqual([failing?.conditions?.[0]?.reason, failing?.delivered ?? 0], ["DeliveryFailed", 0]);
  await listen(port);
  await pass(10 * MINUTE);
  await settle();
  await pass(10 * MINUTE);
  assert.ok(mails.length >= 1 && mails.length <= 3, String(mails.length));
  const told = mails.reduce((sum, mail) => sum + Number(/^Subject: alarms: (\d+) major\r?$/m.exec(mail)?.[1] ?? 0), 0);
  assert.equal(told, 1_000, "what came and went meanwhile is not told");
  assert.match(mails.join(""), /raised \d{4}-\d\d-\d\dT/);
});

test("what one may not do is refused for that alarm alone, and of what one does not see nothing is told", async (t) => {
  const { clock, settle, pass, alarms, write, operate } = await startAlarms(t, openStore);
  for (const name of ["a", "b", "c"]) await write(host, name, { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(20_000);
  await settle();
  const names = new Map((await alarms("host-lost")).map(({ metadata, spec }) => [spec.resource.name, metadata.name]));
  const done = await operate(
    { operation: "acknowledge", message: "mine", alarms: [...names.values(), "no-such"].map((name) => ({ name })) },
    {
      sees: (_kind, object) => object.metadata.name !== names.get("b"),
      act: async (_action, object) => {
        if (object.metadata.name === names.get("c")) throw new OrreryError("api/forbidden", "not yours");
      },
    },
  );
  assert.deepEqual(
    new Map(done.items.map(({ name, outcome, code }) => [name, code ?? outcome])),
    new Map([
      [names.get("a") ?? "", "done"],
      [names.get("b") ?? "", "store/missing"],
      [names.get("c") ?? "", "api/forbidden"],
      ["no-such", "store/missing"],
    ]),
  );
  await assert.rejects(operate({ operation: "acknowledge", message: " ", alarms: [{ name: "x" }] }), { code: "alarms/bad-request" });
});

test("alerts of a Prometheus are raised, resolved by its word, and unobserved when it is silent", async (t) => {
  const { clock, settle, pass, alarms, post } = await startAlarms(t, openStore);
  const alert = (endsInMs: number) => ({
    labels: { alertname: "DiskFull", instance: "db:9100", severity: "page", team: "a" },
    annotations: { summary: "the disk is full" },
    startsAt: timestamp(clock.now()),
    endsAt: timestamp(clock.now() + endsInMs),
  });
  await post([alert(4 * MINUTE), { ...alert(4 * MINUTE), labels: { alertname: "Other", instance: "x" } }]);
  await settle();
  const [one] = await alarms("DiskFull");
  assert.deepEqual(
    [one?.status?.stands, one?.status?.severity, one?.spec.resource, one?.metadata.labels?.["team"]],
    ["Unacknowledged", "critical", { kind: "External", name: "db:9100" }, "a"],
  );
  await pass(6 * MINUTE);
  await settle();
  const silent = (await alarms("DiskFull"))[0]?.status;
  assert.deepEqual([silent?.condition, silent?.unobservedSince !== undefined], ["raised", true]);
  await post([alert(-1)]);
  await settle();
  assert.equal((await alarms("DiskFull"))[0]?.status?.stands, "Cleared");
  await assert.rejects(post([{ labels: {} }]), { code: "alarms/bad-request" });
  await assert.rejects(post({ alerts: [] }), { code: "alarms/bad-request" });
});

test("a limit of measured values: a series that is gone is unobserved, and a rule that cannot be evaluated is an alarm", async (t) => {
  let rows: readonly (readonly [string, number])[] = [];
  let failure: OrreryError | undefined;
  let isHanging = false;
  const series = {
    query: async () => {
      if (failure !== undefined) throw failure;
      if (isHanging) await new Promise(() => {});
      return {
        type: "vector",
        warnings: [],
        series: rows.map(([name, value]) => ({
          labels: { __name__: "host_cpu_percent", host: name },
          times: Float64Array.of(0),
          values: Float64Array.of(value),
        })),
      };
    },
  } as unknown as SeriesStore;
  const { store, settle, pass, alarms, stands } = await startAlarms(t, openStore, { given: [given(SERIES, series)] });
  await store.create(alarmRule, {
    metadata: { name: "busy" },
    spec: { series: { selector: "host_cpu_percent", above: 90, clear: 70 }, severity: "minor" },
  });
  rows = [
    ["a", 95],
    ["b", 10],
  ];
  await pass(1_000);
  await settle();
  const [one] = await alarms("busy");
  assert.deepEqual(
    [one?.spec.resource, one?.status?.stands, one?.status?.text],
    [{ kind: "Host", name: "a" }, "Unacknowledged", "host_cpu_percent is 95 (limit: not above 90)"],
  );
  rows = [["b", 10]];
  await pass(2_000);
  await settle();
  const gone = (await alarms("busy"))[0]?.status;
  assert.deepEqual([gone?.condition, gone?.unobservedSince !== undefined], ["raised", true]);
  rows = [["a", Number.NaN]];
  await pass(2_000);
  assert.equal((await alarms("busy"))[0]?.status?.condition, "raised", "nothing divided by nothing is not well");
  rows = [["a", 60]];
  await pass(2_000);
  await settle();
  assert.equal((await alarms("busy"))[0]?.status?.stands, "Cleared");
  isHanging = true;
  await pass(3 * MINUTE);
  await settle();
  assert.deepEqual(await stands("rule-failing"), ["Unacknowledged"], "a store that never answers makes it late");
  assert.match((await store.get(alarmRule, { name: "busy" }))?.status?.conditions?.[0]?.message ?? "", /is late/);
  isHanging = false;
  await pass(3 * MINUTE);
  await settle();
  assert.deepEqual(await stands("rule-failing"), ["Cleared"]);
  failure = new OrreryError("series/timeout", "it takes too long");
  await pass(3 * MINUTE);
  await settle();
  assert.deepEqual(await stands("rule-failing"), ["Unacknowledged"]);
  assert.match((await store.get(alarmRule, { name: "busy" }))?.status?.conditions?.[0]?.message ?? "", /too long/);
});

test("an object that is gone clears its alarms, also if it went while no centre looked", async (t) => {
  const { clock, store, start, end, settle, pass, alarms, write } = await startAlarms(t, openStore);
  for (const name of ["a", "b"]) await write(host, name, { conditions: [ready("Unknown", "AgentLost", clock.now())] });
  await pass(20_000);
  await store.delete(host, { name: "a" });
  await pass(1_000);
  await settle();
  await end();
  await store.delete(host, { name: "b" });
  await start();
  await pass(1_000);
  await settle();
  assert.deepEqual(
    (await alarms("host-lost")).map(({ status }) => status?.stands),
    ["Cleared", "Cleared"],
  );
});
