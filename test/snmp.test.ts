/** The SNMP agent of a whole site, asked and told by net-snmp's own programs. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { alarm, SNMP_RECEIVER, snmpAgent, snmpReceiver } from "#/model/index.ts";
import { RunningSite } from "./running-site.ts";
import { mibFolder, missingSnmp, runSnmp, type Said, startTrapReceiver } from "./snmp-manager.ts";

const SITE = `
apiVersion: orrery.dev/v1
kind: Site
metadata: { name: site }
---
apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: quiet }
spec: { replicas: 1, template: { version: "1.4", ports: [], run: { command: [sleep, "100000"] } } }
`;

const USER = (name: string, token?: string): string => `
apiVersion: orrery.dev/v1
kind: SnmpUser
metadata: { name: ${name} }
spec:
  auth: { protocol: SHA-256, password: { value: "${name} authenticates" } }
  priv: { password: { value: "${name} encrypts" } }
  ${token === undefined ? "" : `token: { value: "${token}" }`}
`;

test("a site answers SNMP managers, takes what they set as any other change, and tells its faults", { skip: missingSnmp }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-snmp-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, "site.yaml"), SITE);
  const site = new RunningSite(folder);
  t.after(() => site.close());
  assert.equal((await site.up()).status, 0);
  const mibs = mibFolder(t);
  const receiver = await startTrapReceiver(t, mibs);
  const endpoint = (): string => (JSON.parse(readFileSync(path.join(site.data, "endpoints.json"), "utf8")) as { readonly snmp: string }).snmp;
  const common = ["-M", mibs, "-m", "ALL", "-t", "5", "-r", "1"];
  const read = (program: string, ...args: string[]): Promise<Said> =>
    runSnmp(program, [...common, "-v2c", "-c", "public", ...args.map((arg) => (arg === "@" ? endpoint() : arg))], folder);
  const secure = (program: string, name: string, ...args: string[]): Promise<Said> => {
    const keys = ["-u", name, "-l", "authPriv", "-a", "SHA-256", "-A", `${name} authenticates`, "-x", "AES", "-X", `${name} encrypts`];
    const options = args.filter((arg, at) => arg.startsWith("-") || args[at - 1] === "-m");
    return runSnmp(program, [...common, ...options, "-v3", ...keys, endpoint(), ...args.filter((arg) => !options.includes(arg))], folder);
  };
  const apply = async (text: string): Promise<void> => {
    writeFileSync(path.join(folder, "more.yaml"), text);
    const applied = await site.orrery("apply", "-f", path.join(folder, "more.yaml"));
    assert.equal(applied.status, 0, applied.err);
  };
  const host = (await site.store.list(snmpAgent)).items[0]?.metadata.name ?? "";

  await t.test("community public reads, on loopback alone, and writes nothing", async () => {
    assert.match(endpoint(), /^127\.0\.0\.1:\d+$/);
    assert.match((await read("snmpget", "@", "SNMPv2-MIB::sysDescr.0", "SNMPv2-MIB::sysName.0")).out, /Orrery .* on /);
    const walked = await read("snmpbulkwalk", "-Cr25", "@", ".1");
    assert.equal(walked.status, 0);
    for (const part of ["IF-MIB::ifName", "IF-MIB::ifHCInOctets", "ORRERY-MIB::orreryGatewayState", "mib-2.25.1.1.0"])
      assert.ok(walked.out.includes(part), part);
    assert.match(walked.out, /orreryServiceName\.\d+ = STRING: quiet/);
    assert.match((await read("snmptable", "-Ci", "@", "ORRERY-MIB::orreryThresholdTable")).out, /cpu .*95 .*85/);
    const refused = await read("snmpset", "@", "SNMPv2-MIB::sysContact.0", "s", "me");
    assert.notEqual(refused.status, 0);
    assert.match(refused.out, /noAccess/);
    assert.match(
      (await runSnmp("snmpget", [...common, "-r", "0", "-t", "1", "-v2c", "-c", "wrong", endpoint(), "SNMPv2-MIB::sysDescr.0"], folder)).out,
      /Timeout/,
    );
  });

  assert.equal((await site.orrery("user", "add", "anna", "--role", "engineer")).status, 0);
  assert.equal((await site.orrery("user", "add", "vera", "--role", "viewer")).status, 0);
  const tokenOf = async (name: string): Promise<string> =>
    (JSON.parse((await site.orrery("token", "create", "--user", name, "--ttl", "1d", "-o", "json")).out) as { readonly token: string }).token;
  await apply([USER("nms", await tokenOf("anna")), USER("watcher", await tokenOf("vera")), USER("reader")].join("---"));

  await t.test("what is set is kept as a person's change, told to the audit, and seen at once", async () => {
    const seen = async (name: string): Promise<string> => (await secure("snmpget", "nms", "-Oqv", name)).out.trim();
    for (let turn = 0; (await secure("snmpget", "nms", "SNMPv2-MIB::sysName.0")).status !== 0; turn++) assert.ok(turn < 20, "the user is not known");
    const set = await secure("snmpset", "nms", "SNMPv2-MIB::sysLocation.0", "s", "Saal 3, 北京", "ORRERY-MIB::orreryCollectionInterval.0", "u", "30");
    assert.equal(set.status, 0, set.out);
    assert.equal(await seen("SNMPv2-MIB::sysLocation.0"), "Saal 3, 北京");
    const { spec } = (await site.store.get(snmpAgent, { name: host })) ?? assert.fail();
    assert.deepEqual([spec.location, spec.interval], ["Saal 3, 北京", "30s"]);
    const told = (await site.orrery("audit", "show", "--since", "10m")).out;
    assert.match(told, /anna[^\n]*snmpagent/i, told);
    assert.match(told, /SNMP SET by user nms from 127\.0\.0\.1/);
  });

  await t.test("what may not be set is refused with its reason, and nothing of it is kept", async () => {
    const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["nms", [".1.3.6.1.4.1.32473.1.1.7.1.0", "u", "99999"], /wrongValue/],
      ["nms", [".1.3.6.1.4.1.32473.1.1.7.1.0", "s", "often"], /wrongType/],
      ["nms", [".1.3.6.1.2.1.1.5.0", "s", "other"], /notWritable/],
      ["nms", [".1.3.6.1.2.1.1.6.0", "s", "x".repeat(256)], /wrongLength/],
      ["nms", [".1.3.6.1.4.1.32473.1.1.7.2.1.4.1", "u", "99"], /inconsistentValue/],
      ["nms", [".1.3.6.1.4.1.32473.1.1.7.2.1.3.9", "u", "50"], /noCreation/],
      ["nms", [".1.3.6.1.2.1.1.4.0", "s", "kept?", ".1.3.6.1.2.1.1.1.0", "s", "no"], /notWritable/],
      ["watcher", [".1.3.6.1.2.1.1.4.0", "s", "vera"], /authorizationError/],
      ["reader", [".1.3.6.1.2.1.1.4.0", "s", "reader"], /noAccess/],
    ];
    for (const [name, args, reason] of wrong) {
      const refused = await secure("snmpset", name, "-m", "", ...args);
      assert.notEqual(refused.status, 0);
      assert.match(refused.out, reason, args.join(" "));
    }
    assert.equal((await site.store.get(snmpAgent, { name: host }))?.spec.contact, "");
    assert.match((await secure("snmpget", "nobody", "SNMPv2-MIB::sysName.0")).out, /Unknown user name/);
    const key = await runSnmp(
      "snmpget",
      [...common, "-v3", "-u", "nms", "-l", "authNoPriv", "-a", "SHA-256", "-A", "not its password", endpoint(), "SNMPv2-MIB::sysName.0"],
      folder,
    );
    assert.match(key.out, /Authentication failure/);
    const open = await runSnmp("snmpget", [...common, "-v3", "-u", "nms", "-l", "noAuthNoPriv", endpoint(), "SNMPv2-MIB::sysName.0"], folder);
    assert.match(open.out, /authorizationError/);
  });

  await t.test("targets that are set are told of faults, by traps and by informs; all is kept over a kill", async () => {
    const [high, low] = [receiver.port >> 8, receiver.port & 0xff];
    const address = ["7f000001", high.toString(16).padStart(2, "0"), low.toString(16).padStart(2, "0")].join("");
    const row = (name: string, column: number): string => `.1.3.6.1.6.3.12.1.2.1.${column}.${[...Buffer.from(name)].join(".")}`;
    for (const tag of ["trap", "inform"]) {
      const target = [
        row(tag, 2),
        "o",
        ".1.3.6.1.6.1.1",
        row(tag, 3),
        "x",
        address,
        row(tag, 6),
        "s",
        tag,
        row(tag, 7),
        "s",
        "v2c",
        row(tag, 9),
        "i",
        "4",
      ];
      const made = await secure("snmpset", "nms", ...target);
      assert.equal(made.status, 0, made.out);
    }
    const again = await secure("snmpset", "nms", row("trap", 9), "i", "4");
    assert.match(again.out, /inconsistentValue/);
    const raise = await secure(
      "snmpset",
      "nms",
      "ORRERY-MIB::orreryThresholdClear.3",
      "u",
      "0",
      "ORRERY-MIB::orreryThresholdRaise.3",
      "u",
      "1",
      "ORRERY-MIB::orreryThresholdDelay.3",
      "u",
      "0",
    );
    assert.equal(raise.status, 0, raise.out);
    await receiver.until(/orreryThresholdRaised[\s\S]*orreryThresholdRaised[^\n]*memory/);
    const before = Number((await read("snmpget", "-Oqv", "@", ".1.3.6.1.6.3.10.2.1.2.0")).out);
    const { pid } = JSON.parse(readFileSync(path.join(site.data, "run", "snmp.json"), "utf8")) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    await receiver.until(/coldStart/);
    // On a busy machine an answer may come later than the tool waits for it.
    const { found: boots } = await site.until("it answers again", async () => {
      const { status, out } = await read("snmpget", "-Oqv", "@", ".1.3.6.1.6.3.10.2.1.2.0");
      return status === 0 ? Number(out) : undefined;
    });
    assert.equal(boots, before + 1);
    assert.equal((await secure("snmpget", "nms", "-OqvU", "ORRERY-MIB::orreryThresholdRaise.3")).out.trim(), "1");
    assert.equal(receiver.said().split(/orreryThresholdRaised/).length - 1, 2, "what is raised is not told again");
    const gone = await secure("snmpset", "nms", row("inform", 9), "i", "6");
    assert.equal(gone.status, 0, gone.out);
    assert.deepEqual(
      (await site.store.get(snmpAgent, { name: host }))?.spec.targets.map(({ name }) => name),
      ["trap"],
    );
  });

  await t.test("devices' traps and informs are taken, kept and shown by names", async () => {
    const receiverOf = async (): Promise<string> =>
      (await site.store.get(snmpReceiver, { name: SNMP_RECEIVER }))?.status?.endpoint ?? assert.fail("it does not listen");
    const at = await receiverOf();
    assert.match(at, /^127\.0\.0\.1:\d+$/);
    const tell = (...args: string[]): Promise<Said> => runSnmp("snmptrap", [...common, ...args], folder);
    const linkDown = ["", "IF-MIB::linkDown", "IF-MIB::ifName.7", "s", "uplink 北"];
    const keys = ["-u", "nms", "-l", "authPriv", "-a", "SHA-256", "-A", "nms authenticates", "-x", "AES", "-X", "nms encrypts"];
    assert.equal((await tell("-v2c", "-c", "public", at, ...linkDown)).status, 0);
    assert.equal((await tell("-v1", "-c", "public", at, "1.3.6.1.4.1.9999", "10.1.2.3", "6", "42", "")).status, 0);
    const informed = await tell("-v", "2c", "-Ci", "-c", "public", at, ...linkDown);
    assert.equal(informed.status, 0, informed.out);
    const secured = await tell("-v", "3", "-Ci", ...keys, at, ...linkDown);
    assert.equal(secured.status, 0, secured.out);
    assert.equal((await tell("-v3", "-e", "0x8000270f0501020304", ...keys, at, ...linkDown)).status, 0);
    const refused = await tell("-v", "2c", "-Ci", "-c", "other", "-t", "1", "-r", "0", at, ...linkDown);
    assert.notEqual(refused.status, 0);
    const shown = async (...args: string[]): Promise<string> => (await site.orrery("snmp", "traps", ...args)).out;
    for (let turn = 0; (await shown()).split("\n").length < 6 && turn < 20; turn++);
    const all = await shown();
    assert.equal(all.match(/(?:trap|inform) IF-MIB::linkDown .*IF-MIB::ifName\.7="uplink 北"/g)?.length, 4, all);
    assert.match(all, /10\.1\.2\.3 by 127\.0\.0\.1 {2}trap 1\.3\.6\.1\.4\.1\.9999\.0\.42 {2}\(public\)|enterprises\.9999\.0\.42/);
    assert.match(await shown("--count"), /taken 5, .*refused 1[\s\S]*4 {2}IF-MIB::linkDown/);
    assert.equal((await shown("linkDown", "--tail", "2")).trim().split("\n").length, 2);
    const metrics = await site.client.request({ path: "/metrics", accept: "text/plain" });
    assert.match(String(metrics.body), /orrery_traps_total\{outcome="taken"\}/);
  });

  await t.test("a rule makes a device's trap an alarm, which its counterpart clears, and tells it on as a trap", async () => {
    const at = (await site.store.get(snmpReceiver, { name: SNMP_RECEIVER }))?.status?.endpoint ?? assert.fail("it does not listen");
    await apply(`
apiVersion: orrery.dev/v1
kind: AlarmRule
metadata: { name: port-down }
spec:
  trap: { raise: [1.3.6.1.6.3.1.1.5.3], clear: [1.3.6.1.6.3.1.1.5.4], key: [1.3.6.1.2.1.31.1.1.1.1] }
  severity: minor
  text: "port {key} of {name} is down"
---
apiVersion: orrery.dev/v1
kind: AlarmChannel
metadata: { name: manager }
spec: { trap: { to: "127.0.0.1:${receiver.port}" }, severities: [minor], every: 1s }
`);
    const tell = (name: string): Promise<Said> =>
      runSnmp("snmptrap", [...common, "-v", "2c", "-Ci", "-c", "public", at, "", `IF-MIB::${name}`, "IF-MIB::ifName.9", "s", "eth9"], folder);
    const stands = async (): Promise<string | undefined> =>
      (await site.store.list(alarm)).items.find(({ spec }) => spec.type === "port-down")?.status?.stands;
    const until = async (wanted: string): Promise<void> => {
      for (let turn = 0; (await stands()) !== wanted; turn++) {
        assert.ok(turn < 600, `it is ${await stands()}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    // A rule is followed from when the receiver's thread knows of it.
    while ((await stands()) === undefined) {
      assert.equal((await tell("linkDown")).status, 0);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await until("Unacknowledged");
    await receiver.until(/orreryAlarmReported[\s\S]*port eth9 of 127\.0\.0\.1 is down/);
    assert.equal((await tell("linkUp")).status, 0);
    await until("Cleared");
    await receiver.until(/orreryAlarmEnded[\s\S]*port eth9/);
    assert.match((await site.orrery("snmp", "traps", "--count")).out, /of which no rule makes an alarm: \d+[\s\S]*\d+ {2}IF-MIB::linkDown\n/);
  });

  await t.test("orrery snmp shows the same by names", async () => {
    const walked = await site.orrery("snmp", "walk", "orreryServiceTable");
    assert.match(walked.out, /ORRERY-MIB::orreryServiceName\.\d+ = "quiet"/, walked.err);
    assert.match(walked.out, /orreryServiceState\.\d+ = \w+\(\d\)/);
    assert.match((await site.orrery("snmp", "mib", "orreryThresholdRaise")).out, /1\.3\.6\.1\.4\.1\.32473\.1\.1\.7\.2\.1\.3\nread-write/);
    assert.match((await site.orrery("snmp", "walk", "noSuchName")).err, /no MIB module that is loaded has/);
  });
});
