import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { endpointsOf, eventually, makeDataFolder, ORRERY, orrery, processesOf, startOrrery } from "./orrery-command.ts";

interface Status {
  readonly processes: readonly {
    readonly name: string;
    readonly type: string;
    readonly pid?: number;
    readonly ready: boolean;
    readonly restarts: number;
    readonly service?: string;
  }[];
  readonly microservices: readonly { readonly name: string; readonly ready: number; readonly desired: number; readonly reason: string }[];
}

async function statusOf(data: string): Promise<Status> {
  const { status, out, note } = await orrery(["status", "--data", data, "-o", "json"]);
  assert.equal(status, 0, note);
  return JSON.parse(out) as Status;
}

/** Process name to pid. */
function pids(status: Status, type?: string): Record<string, number | undefined> {
  return Object.fromEntries(status.processes.filter((one) => type === undefined || one.type === type).map((one) => [one.name, one.pid]));
}

const ANY_PORTS = ["--api-port", "0", "--edge-port", "0"];

describe("the sample site", () => {
  const ends: (() => unknown)[] = [];
  let data = "";
  before(async () => {
    data = makeDataFolder({ after: (end) => ends.push(end) }, "up");
    const { status, out, note } = await orrery(["up", "--data", data, ...ANY_PORTS, "--detach"]);
    assert.equal(status, 0, note);
    assert.match(out, /auth +v1 +2\/2 +Ready/);
    assert.match(out, new RegExp(`kubectl --kubeconfig ${data}/kubeconfig get`));
  });
  after(async () => {
    for (const end of ends) await end();
  });

  test("has limits of heap for each process of the platform", () => {
    for (const name of ["supervisor", "centre", "agent", "gateway"]) {
      const { pid } = JSON.parse(readFileSync(path.join(data, "run", `${name}.json`), "utf8")) as { readonly pid: number };
      assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /--max-old-space-size=\d+\0--max-semi-space-size=\d+/, name);
    }
  });

  test("answers requests at its edge, and its secrets are private", async () => {
    const answer = await fetch(`${endpointsOf(data).edge}/api/passes?satellite=ISS&hours=24`);
    assert.equal(answer.status, 200);
    for (const file of ["kubeconfig", "tokens/admin", "pki/ca.key", "pki/server.key"])
      assert.equal(statSync(path.join(data, file)).mode & 0o077, 0, file);
  });

  test("has its gateway registered: updates wait for it", async () => {
    const names = async (): Promise<string> => (await orrery(["get", "gateways", "-o", "name", "--data", data])).out;
    await eventually("the gateway is registered", 5000, async () => (await names()) === "gateway.orrery.dev/main\n");
  });

  test("is refused a second time, with the supervisor's pid and what to do", async () => {
    const { supervisor } = pids(await statusOf(data));
    const { status, note } = await orrery(["up", "--data", data, ...ANY_PORTS]);
    assert.equal(status, 1);
    assert.match(
      note,
      new RegExp(
        `error: a site runs on ${data} already \\(supervisor: process ${supervisor}\\); see it with: \\S*orrery status.*, end it with: \\S*orrery down`,
      ),
    );
  });

  test("keeps its port from another site, which starts nothing", async (t) => {
    const other = makeDataFolder(t, "other");
    const { port } = new URL(endpointsOf(data).edge);
    const { status, note } = await orrery(["up", "--data", other, "--api-port", "0", "--edge-port", port, "--detach"]);
    assert.equal(status, 1);
    assert.match(note, new RegExp(`port ${port} is in use by process \\d+ \\(.*gateway\\.ts.*\\); choose another with --edge-port`));
    assert.equal(existsSync(other), false);
    assert.deepEqual(processesOf(other), []);
  });

  test("is scaled, stopped and started", async () => {
    const scaled = await orrery(["scale", "auth", "3", "--data", data, "--wait"]);
    assert.deepEqual([scaled.status, scaled.out], [0, "microservice auth: 2 → 3 instances\n"], scaled.note);
    assert.equal((await statusOf(data)).processes.filter((one) => one.service === "auth" && one.ready).length, 3);
    assert.equal((await orrery(["stop", "auth", "--data", data, "--wait"])).status, 0);
    const stopped = await statusOf(data);
    assert.deepEqual(
      stopped.processes.filter((one) => one.service === "auth"),
      [],
    );
    assert.equal(stopped.microservices.find((one) => one.name === "auth")?.reason, "Suspended");
    assert.equal((await orrery(["start", "auth", "--data", data, "--wait"])).status, 0);
    assert.equal((await orrery(["scale", "auth", "2", "--data", data, "--wait"])).status, 0);
  });

  test("shows logs, follows them, and ends with its reader", async () => {
    const { edge } = endpointsOf(data);
    const followed = startOrrery(["logs", "portal", "-f", "--tail", "0", "--data", data]);
    const mark = `/nowhere-${process.pid}`;
    // The follower gives no sign of its beginning: requests are made until one is seen.
    const asking = setInterval(() => void fetch(edge + mark).catch(() => undefined), 100);
    await followed.until(mark).finally(() => clearInterval(asking));
    followed.process.kill("SIGINT");
    assert.equal((await followed.ended).status, 0);
    const { out, status } = await orrery(["logs", "portal", "--tail", "2", "--data", data]);
    assert.equal(status, 0);
    assert.match(out, /^(portal-v1-\S+ \| .*\n){2}$/);
    const missing = await orrery(["logs", "nobody", "--data", data]);
    assert.deepEqual(
      [missing.status, missing.note],
      [
        1,
        `error: there is no microservice, instance or job called "nobody"; see: ${ORRERY} get --data ${data} microservices,instances,jobs,jobruns\n`,
      ],
    );
  });

  test("counts calls by caller, service and instance", async () => {
    await fetch(`${endpointsOf(data).edge}/api/passes?satellite=ISS&hours=24`);
    await eventually("calls of portal to auth", 5000, async () => {
      const rows = JSON.parse((await orrery(["calls", "--by", "service", "-o", "json", "--data", data])).out) as {
        caller: string;
        service: string;
        calls: number;
      }[];
      return (
        rows.some((row) => row.caller === "portal" && row.service === "auth" && row.calls > 0) &&
        rows.some((row) => row.caller === "" && row.service === "portal")
      );
    });
    assert.match((await orrery(["calls", "--dot", "--data", data])).out, /^digraph [\s\S]*"portal" -> "auth"/);
    assert.match((await orrery(["calls", "--graph", "--data", data])).out, /portal/);
    assert.match((await orrery(["calls", "--data", data])).out, /^CALLER +SERVICE +INSTANCE +CALLS +ERRORS +REFUSED +UNLABELLED +MEAN +P99\n/);
  });

  test("tells each of them, and the request as the tree of its calls, with services that know nothing of it", async () => {
    let traceId = "";
    await eventually("a recorded call of portal to auth", 60_000, async () => {
      const calls = JSON.parse((await orrery(["calls", "--service", "auth", "--caller", "portal", "-o", "json", "--data", data])).out || "[]") as {
        traceId: string;
      }[];
      traceId = calls[0]?.traceId ?? "";
      return traceId !== "";
    });
    const { out } = await orrery(["trace", traceId, "--data", data]);
    assert.match(out, /^\(outside\) → portal /m);
    assert.match(out, /^ {2}auth /m);
  });

  test("runs scripts on one instance and on all", async () => {
    const one = await orrery(["run-script", "auth", "selftest", "--data", data]);
    assert.equal(one.status, 0, one.note);
    assert.match(one.out, /^ok {3}a fresh token is valid\n/);
    const all = JSON.parse((await orrery(["run-script", "auth", "selftest", "--all", "-o", "json", "--data", data])).out) as unknown[];
    assert.equal(all.length, 2);
    const unknown = await orrery(["run-script", "auth", "nonsense", "--data", data]);
    assert.equal(unknown.status, 1);
    assert.match(unknown.note, /has no script nonsense; it has selftest, key-report/);
  });

  test("is listed and described, and hides its secrets", async () => {
    assert.match((await orrery(["get", "ms", "--data", data])).out, /^NAME +VERSION +DESIRED +READY +STATUS +AGE\nantenna /);
    const yaml = (await orrery(["get", "ms", "auth", "-o", "yaml", "--data", data])).out;
    assert.match(yaml, /\(secret\)/);
    assert.doesNotMatch(yaml, /sample-secret/);
    const described = (await orrery(["describe", "ms", "auth", "--data", data])).out;
    assert.match(described, /Conditions:\n {2}TYPE +STATUS +SINCE +REASON +MESSAGE\n {2}Ready +True/);
    assert.match(described, /Instances:\n {2}NAME +HOST/);
    assert.doesNotMatch(described, /sample-secret/);
    assert.match((await orrery(["status", "--data", data])).out, /PROCESS +PID +UP[\s\S]*SERVICE +VERSION[\s\S]*RESOURCE[\s\S]*ROUTE/);
  });

  test("a new version is applied from a file and served when apply --wait returns", async () => {
    const versions = path.join(import.meta.dirname, "../sites/ground-station/versions");
    const applied = await orrery(["apply", "-f", path.join(versions, "auth-v2.yaml"), "--wait", "--data", data]);
    assert.equal(applied.status, 0, applied.note);
    const auth = JSON.parse((await orrery(["get", "ms", "auth", "-o", "json", "--data", data])).out);
    assert.equal(auth.status.servedVersion, "v2");
    const refused = await orrery(["apply", "-f", "-", "--data", data], {
      input: "apiVersion: orrery.dev/v1\nkind: Microservice\nmetadata: {name: x}\nspec: {replicas: many}\n",
    });
    assert.equal(refused.status, 1);
    assert.match(refused.note, /^-:4: Microservice x: spec\.replicas: found "many"; allowed: a whole number from 0 to 1000\n/);
  });

  test("survives its supervisor; the next up adopts everything and doubles nothing", async () => {
    // The version before drains, and then goes: not because of what is done here.
    await eventually("the version before is gone", 20_000, async () =>
      (await statusOf(data)).processes.every((one) => !one.name.startsWith("auth-v1")),
    );
    const former = await statusOf(data);
    process.kill(pids(former)["supervisor"] ?? assert.fail(), "SIGKILL");
    assert.equal((await fetch(`${endpointsOf(data).edge}/`)).status, 200);
    const { status, note } = await orrery(["up", "--data", data, ...ANY_PORTS, "--detach"]);
    assert.equal(status, 0, note);
    const { supervisor: _before, ...formerPids } = pids(former);
    const { supervisor: _after, ...latterPids } = pids(await statusOf(data));
    assert.deepEqual(latterPids, formerPids);
  });

  test("is back within five seconds when centre, agent and gateway are killed, with the same instances", async () => {
    const former = await statusOf(data);
    const { edge } = endpointsOf(data);
    for (const name of ["centre", "agent", "gateway"]) process.kill(pids(former)[name] ?? assert.fail(name), "SIGKILL");
    const answers = async (): Promise<boolean> => (await fetch(edge).catch(() => undefined))?.ok === true;
    await eventually("the edge answers again", 5000, answers);
    await eventually("all is ready again", 5000, async () => {
      const { status, out } = await orrery(["status", "--data", data, "-o", "json"]);
      return status === 0 && (JSON.parse(out) as Status).processes.filter((one) => one.type !== "instance").every((one) => one.ready);
    });
    const latter = await statusOf(data);
    assert.deepEqual(pids(latter, "instance"), pids(former, "instance"));
    for (const name of ["centre", "agent", "gateway"]) assert.equal(latter.processes.find((one) => one.name === name)?.restarts, 1, name);
  });

  test("is ended by down, leaves no process, and starts again as it was", async () => {
    const { status, out } = await orrery(["down", "--data", data]);
    assert.deepEqual([status, out], [0, "down: nothing runs any more\n"]);
    assert.deepEqual(processesOf(data), []);
    const shown = await orrery(["status", "--data", data]);
    assert.deepEqual([shown.status, shown.note], [1, shown.note]);
    assert.match(shown.note, /^nothing runs on .*; start it with: \S*orrery up/);
    assert.deepEqual(await orrery(["down", "--data", data]), { status: 0, out: `nothing runs on ${data}\n`, note: "" });
    assert.equal((await orrery(["up", "--data", data, ...ANY_PORTS, "--detach"])).status, 0);
    const auth = JSON.parse((await orrery(["get", "ms", "auth", "-o", "json", "--data", data])).out);
    // Unchanged files are not applied again: they would take back what was applied since.
    assert.equal(auth.status.servedVersion, "v2");
  });

  test("is ended by down also when every process of Orrery was killed, and only the services are left", async () => {
    for (const [name, pid] of Object.entries(pids(await statusOf(data)))) {
      if (["supervisor", "centre", "agent", "gateway"].includes(name)) process.kill(pid ?? assert.fail(name), "SIGKILL");
    }
    assert.notDeepEqual(processesOf(data), []);
    const { status, note } = await orrery(["down", "--data", data]);
    assert.equal(status, 0, note);
    assert.deepEqual(processesOf(data), []);
    assert.equal((await orrery(["up", "--data", data, ...ANY_PORTS, "--detach"])).status, 0);
  });

  test("is ended by down also when its supervisor was killed", async () => {
    process.kill(pids(await statusOf(data))["supervisor"] ?? assert.fail(), "SIGKILL");
    const { status, out } = await orrery(["down", "--data", data]);
    assert.deepEqual([status, out], [0, "down: nothing runs any more (the supervisor was gone already)\n"]);
    assert.deepEqual(processesOf(data), []);
  });
});
