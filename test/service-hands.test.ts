import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { isOrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Instance, instance, revision } from "#/model/index.ts";
import { createClient } from "#/state/client/index.ts";
import { identifyProcess } from "#/work/process/index.ts";
import { ROOT, RunningSite } from "./running-site.ts";

/** One site for what people do with a service that runs: restart it, read what it prints, run commands beside it. */
const SERVER = `
import { existsSync } from "node:fs";
import { createServer } from "node:http";
if (existsSync("broken")) { console.error("it is broken"); process.exit(1); }
createServer((request, response) => {
  if (request.url !== "/health") console.log("asked for " + request.url);
  response.end(String(process.pid));
}).listen(process.env.PORT, process.env.HOST, () => console.log("it listens"));
process.on("SIGTERM", () => process.exit(0));
`;

const service = (name: string, replicas: number): string => `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  logs: { size: 64KiB, parts: 2 }
  template:
    version: v1
    files: [{ from: server, to: . }]
    run: { command: [node, server.mjs] }
    health: { readiness: { http: { path: /health } } }
---
apiVersion: orrery.dev/v1
kind: Route
metadata: { name: ${name} }
spec: { service: ${name}, path: { prefix: /${name} } }
---
`;

let site: RunningSite;

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-hands-"));
  mkdirSync(path.join(folder, "site", "server"), { recursive: true });
  writeFileSync(path.join(folder, "site", "server", "server.mjs"), SERVER);
  writeFileSync(path.join(folder, "site", "site.yaml"), service("one", 1) + service("two", 2));
  site = new RunningSite(path.join(folder, "site"), folder);
  const outcome = await site.up();
  assert.equal(outcome.status, 0, outcome.out + outcome.err);
});
after(() => site.close());

const instancesOf = async (name: string): Promise<readonly Instance[]> =>
  (await site.store.list(instance, { fieldSelector: `spec.service=${name}` })).items.toSorted((a, b) => a.spec.slot - b.spec.slot);
const workFolder = (one: Instance): string => path.join(site.data, "agent", "instances", one.metadata.uid, "work");

test("restart begins each instance again, refuses nothing, keeps what the instances have, and makes no version", async () => {
  const before = [...(await instancesOf("one")), ...(await instancesOf("two"))];
  writeFileSync(path.join(workFolder(before[0] as Instance), "kept"), "kept");
  const answers: number[] = [];
  const over = new AbortController();
  const load = (async (): Promise<void> => {
    while (!over.signal.aborted)
      for (const name of ["one", "two"])
        answers.push((await fetch(`${site.edge}/${name}/x`).then(async (answer) => [answer.status, await answer.text()]))[0] as number);
  })();
  const outcome = await site.orrery("restart", "one", "two", "--wait");
  over.abort();
  await load;
  assert.equal(outcome.status, 0, outcome.err);
  assert.ok(answers.length > 20);
  assert.deepEqual(
    answers.filter((status) => status !== 200),
    [],
  );
  const now = [...(await instancesOf("one")), ...(await instancesOf("two"))];
  assert.deepEqual(
    now.map((one) => [one.metadata.uid, one.status?.ports]),
    before.map((one) => [one.metadata.uid, one.status?.ports]),
  );
  for (const [index, one] of now.entries()) {
    assert.notEqual(one.status?.pid, before[index]?.status?.pid);
    assert.equal(one.status?.restarts, 0);
  }
  assert.equal((await site.store.list(revision)).items.length, 2);
  // Events are written a moment later.
  await site.until("the restarts are told", async () =>
    (await site.orrery("events", "-o", "json")).out.split('"Stopped"').length > 3 ? true : undefined,
  );
  // What was wished is no trouble; only that they do not pass the trace on is, which is so.
  const { items } = JSON.parse((await site.orrery("events", "--warnings", "-o", "json")).out) as {
    readonly items: readonly { readonly reason: string }[];
  };
  assert.deepEqual(
    items.filter((one) => one.reason !== "TraceNotPropagated"),
    [],
  );
});

test("logs come in the order of time from several services, through restarts and rotations, and are chosen by time and text", async () => {
  const beganMs = Date.now();
  for (let index = 0; index < 3; index++)
    for (const name of ["one", "two"]) {
      await fetch(`${site.edge}/${name}/n${index}`);
      // Times are as good as the agent's look: some 50 ms.
      await wait(300);
    }
  // What was printed just before may be seen by the agent just after: the text tells it apart.
  const options = ["--since", new Date(beganMs).toISOString(), "--grep", "/n"];
  const { found } = await site.until("all was printed", async () => {
    const { out } = await site.orrery("logs", "one", "two", ...options, "-o", "json");
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { instance: string; time: string; text: string });
    return lines.length === 6 ? lines : undefined;
  });
  assert.deepEqual(
    found.map((line) => line.text),
    ["one/n0", "two/n0", "one/n1", "two/n1", "one/n2", "two/n2"].map((path) => `asked for /${path}`),
  );
  for (const { time } of found) assert.ok(Date.parse(time) >= beganMs - 1000 && Date.parse(time) <= Date.now());
  // Before the restart of the test before, and since.
  const all = (await site.orrery("logs", "one")).out.split("\n").filter((line) => line.endsWith("| it listens"));
  assert.equal(all.length, 2);
  assert.match((await site.orrery("logs", "--all", "--tail", "1", "-t")).out, /^\d{4}-\d\d-\d\dT[\d:.]+Z one-v1-\w+-0 \| asked for /m);
  assert.match((await site.orrery("logs", "one", "two", "--previous")).out, /two-v1-\w+-1 \| it listens/);
  const refused = await site.orrery("logs", "one", "nothing");
  assert.deepEqual([refused.status, /called "nothing"/.test(refused.err)], [1, true]);
});

test("a log that somebody empties goes on being shown", async () => {
  const [only] = await instancesOf("one");
  const log = path.join(path.dirname(workFolder(only as Instance)), "output.log");
  for (let index = 0; index < 80; index++) await fetch(`${site.edge}/one/${"y".repeat(1000)}`);
  await site.until("it was rotated", async () => (readdirSync(path.dirname(log)).some((name) => /^output\.log\.\d+$/.test(name)) ? true : undefined));
  // Its room has been given back by then.
  await wait(2000);
  truncateSync(log, 0);
  await fetch(`${site.edge}/one/after-it-was-emptied`);
  await site.until(
    "it is seen",
    async () => ((await site.orrery("logs", "one", "--tail", "5")).out.includes("after-it-was-emptied") ? true : undefined),
    45_000,
  );
  await fetch(`${site.edge}/one/and-later`);
  await site.until(
    "what comes later, too",
    async () => ((await site.orrery("logs", "one", "--tail", "5")).out.includes("and-later") ? true : undefined),
    45_000,
  );
});

test("exec runs a command in an instance's folder and environment, both ways, with its exit status, and ends it when its user has gone", async () => {
  const [only] = await instancesOf("one");
  const port = only?.status?.ports?.["http"];
  const plain = await orrery("exec", "one", "--", "sh", "-c", "pwd; echo $PORT $ORRERY_SERVICE; echo apart >&2; exit 7");
  assert.deepEqual(plain, { status: 7, out: `${workFolder(only as Instance)}\n${port} one\n`, err: "apart\n" });
  const long = await orrery("exec", "one", "--", "node", "-e", "process.stdout.write('x'.repeat(1e6)); process.exit(3)");
  assert.deepEqual([long.status, long.out.length], [3, 1_000_000]);
  const none = await orrery("exec", "one", "--", "no-such-program");
  assert.deepEqual([none.status, /there is no such program on PATH/.test(none.err)], [1, true]);
  assert.equal((await orrery("exec", "one")).status, 2);
  // Both ways, over the API itself; with a terminal where this machine makes them.
  const exchange = await site.client.openExchange({
    method: "POST",
    path: `/apis/orrery.dev/v1/namespaces/default/instances/${only?.metadata.name}/exec`,
    body: {
      command: ["sh", "-c", "stty size; read line; echo got $line; trap '' HUP TERM; sleep 600 & echo $!; wait"],
      input: true,
      terminal: { rows: 33, columns: 101 },
    },
  });
  let out = "";
  for await (const text of exchange.lines) {
    const line = JSON.parse(text) as { out?: string; error?: { code: string } };
    if (line.error?.code === "process/no-terminal") return;
    out += Buffer.from(line.out ?? "", "base64").toString();
    if (out.includes("33 101\r\n") && !out.includes("got")) await exchange.send({ data: Buffer.from("a word\n").toString("base64") });
    if (/got a word\r\n\d+\r\n/.test(out)) break;
  }
  exchange.close();
  const pid = Number(/got a word\r\n(\d+)/.exec(out)?.[1]);
  await site.until("what it had started is gone", async () => (identifyProcess(pid) === undefined ? true : undefined), 15_000);
  const viewer = await fetchAs("viewer", `microservices/one/exec`);
  assert.equal(viewer, 403);
});

/** As `site.orrery`; nothing is added behind the two dashes. */
function orrery(...args: string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ORRERY_DATA: site.data }, maxBuffer: 16 * 1024 * 1024, timeout: 60_000 };
    const child = execFile(path.join(ROOT, "orrery"), args, options, (_, out, err) => resolve({ status: child.exitCode ?? -1, out, err }));
  });
}

/** Status of a POST by another user than the admin. */
async function fetchAs(user: string, place: string): Promise<number> {
  const client = createClient({
    url: site.client.url,
    ca: readFileSync(path.join(site.data, "pki", "ca.crt"), "utf8"),
    token: readFileSync(path.join(site.data, "tokens", user), "utf8").trim(),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    userAgent: "orrery-test",
  });
  try {
    await client.openExchange({ method: "POST", path: `/apis/orrery.dev/v1/namespaces/default/${place}`, body: { command: ["true"] } });
    return 200;
  } catch (error) {
    return isOrreryError(error, "api/forbidden") ? 403 : 0;
  } finally {
    await client.close();
  }
}

test("a restart stops at the instance that does not come back, and says so", async () => {
  const [first, second] = await instancesOf("two");
  assert.ok(first !== undefined && second !== undefined);
  writeFileSync(path.join(workFolder(first), "broken"), "");
  const outcome = await site.orrery("restart", "two", "--wait", "--timeout", "60s");
  assert.equal(outcome.status, 1);
  assert.match(outcome.err, /two: 0 of 2 restarted; two-v1-\w+-0: (CrashLoop|Crashed): .*it is broken/);
  assert.match(outcome.err, /no other instance is restarted until that one is ready/);
  assert.equal((await instancesOf("two"))[1]?.status?.pid, second.status?.pid);
  assert.equal((await fetch(`${site.edge}/two/x`)).status, 200);
});
