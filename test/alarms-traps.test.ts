/** Alarms as traps and informs, told to net-snmp's own receiver. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { alarmChannel } from "#/model/index.ts";
import { messageAbout } from "#/watch/alarms/delivery/rig.ts";
import { makeSend } from "#/watch/alarms/delivery/sender.ts";
import { engineIdOf } from "#/watch/snmp/index.ts";
import { findProgram } from "../tools/debian-programs.ts";
import { mibFolder, missingSnmp, startTrapReceiver } from "./snmp-manager.ts";

function makeSender(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-traps-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = { folder, identity: "site", host: "here" };
  const send = makeSend({ home, clock: systemClock, random: systemRandom, log: silentLog });
  const spec = (trap: object, secrets: Readonly<Record<string, string>> = {}) =>
    alarmChannel.spec.parse({ trap, secrets: Object.entries(secrets).map(([name, value]) => ({ name, value, secret: true })) });
  return { send, spec, folder, engine: Buffer.from(engineIdOf("site", "alarms here")).toString("hex") };
}

const inTime = (): AbortSignal => AbortSignal.timeout(30_000);
const KEYS = { SNMP_AUTH: "orrery signs it", SNMP_PRIV: "orrery hides it" };
const CREATE = `SHA-256 "${KEYS.SNMP_AUTH}" AES "${KEYS.SNMP_PRIV}"`;

test("alarms go as traps and informs of SNMPv2c, raised and ended, and the module is valid", { skip: missingSnmp }, async (t) => {
  const mibs = mibFolder(t);
  const { send, spec } = makeSender(t);
  const receiver = await startTrapReceiver(t, mibs, "authCommunity log watch");
  for (const inform of [true, false]) {
    const name = inform ? "informed" : "trapped";
    await send(spec({ to: `127.0.0.1:${receiver.port}`, inform }, { SNMP_COMMUNITY: "watch" }), messageAbout([name]), inTime());
    await send(spec({ to: `127.0.0.1:${receiver.port}`, inform }), messageAbout([name], { condition: "cleared" }), inTime());
    await receiver.until(new RegExp(`orreryAlarmReported[\\s\\S]*Host/${name}`));
    await receiver.until(new RegExp(`orreryAlarmEnded[\\s\\S]*Host/${name}`));
  }
  const said = receiver.said();
  assert.match(said, /orreryAlarmSeverity\.\d+ = INTEGER: critical\(5\)/);
  assert.match(said, /orreryAlarmMessage\.\d+ = STRING: host informed is lost\. look/);
  const [first, second] = [...said.matchAll(/orreryAlarmObject\.(\d+) = STRING: Host\/informed/g)].map(([, index]) => index);
  assert.equal(first, second, "the end is known by the index");
  const lint = findProgram("smilint") ?? "smilint";
  assert.equal(execFileSync(lint, ["-l", "6", path.join(mibs, "ORRERY-MIB.txt")], { env: { ...process.env, SMIPATH: mibs }, encoding: "utf8" }), "");
});

test("by SNMPv3 it is signed and encrypted: traps by an engine that counts its starts, informs by the receiver's", {
  skip: missingSnmp,
}, async (t) => {
  const mibs = mibFolder(t);
  const { send, spec, folder, engine } = makeSender(t);
  const config = [`createUser -e 0x${engine} orrery ${CREATE}`, `createUser orrery ${CREATE}`, "authUser log orrery priv"];
  const receiver = await startTrapReceiver(t, mibs, config.join("\n"));
  const to = `127.0.0.1:${receiver.port}`;
  await send(spec({ to, version: "v3", user: "orrery", inform: false }, KEYS), messageAbout(["trapped"]), inTime());
  await receiver.until(/Host\/trapped/);
  const names = Array.from({ length: 60 }, (_, index) => `informed-${index}`);
  await send(spec({ to, version: "v3", user: "orrery" }, KEYS), messageAbout(names), inTime());
  for (const name of names) await receiver.until(new RegExp(`Host/${name}"?\\s`));
  await assert.rejects(
    send(
      spec({ to, version: "v3", user: "orrery", retries: 0, wait: "500ms" }, { ...KEYS, SNMP_AUTH: "another password" }),
      messageAbout(["x"]),
      inTime(),
    ),
    { code: "alarms/not-delivered" },
  );
  await assert.rejects(send(spec({ to, version: "v3", user: "orrery" }, { SNMP_PRIV: "only this one" }), messageAbout(["x"]), inTime()), {
    code: "alarms/not-delivered",
  });
  assert.equal((JSON.parse(readFileSync(path.join(folder, "told", "engine.json"), "utf8")) as { boots: number }).boots, 1);
});

test("an inform is sent again until it is answered; who never answers has not been told", { skip: missingSnmp }, async (t) => {
  const { send, spec } = makeSender(t);
  const receiver = await startTrapReceiver(t, mibFolder(t));
  // A wire that loses the first three of all datagrams.
  let seen = 0;
  const wire = createSocket("udp4");
  const beyond = createSocket("udp4");
  t.after(() => {
    wire.close();
    beyond.close();
  });
  let from = { port: 0, address: "" };
  wire.on("message", (datagram, sender) => {
    from = sender;
    seen += 1;
    if (seen > 3) beyond.send(datagram, receiver.port, "127.0.0.1");
  });
  beyond.on("message", (datagram) => wire.send(datagram, from.port, from.address));
  wire.bind(0, "127.0.0.1");
  await once(wire, "listening");
  const to = `127.0.0.1:${wire.address().port}`;
  await send(spec({ to, wait: "200ms", retries: 10 }), messageAbout(["again"]), inTime());
  assert.ok(seen >= 4);
  await receiver.until(/Host\/again/);
  const silent = createSocket("udp4");
  silent.bind(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  await assert.rejects(send(spec({ to: `127.0.0.1:${silent.address().port}`, wait: "100ms", retries: 1 }), messageAbout(["x"]), inTime()), {
    code: "alarms/not-delivered",
    message: /no answer to an inform in 2 tries/,
  });
});
