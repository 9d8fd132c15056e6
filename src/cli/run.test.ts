import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock, OrreryError } from "#/base/index.ts";
import type { Answer, Client, ClientRequest } from "#/client/index.ts";
import type { CliContext } from "./context.ts";
import type { UpOptions } from "./platform.ts";
import { runCli } from "./run.ts";
import type { Terminal } from "./terminal.ts";

interface Run {
  readonly status: number;
  readonly out: string;
  readonly note: string;
}

interface World {
  /** Answers of the API by `METHOD path`; a request that is not there fails the test. */
  readonly answers?: Readonly<Record<string, unknown>>;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly columns?: number;
  readonly requests?: ClientRequest[];
  readonly ups?: UpOptions[];
}

async function run(args: readonly string[], world: World = {}): Promise<Run> {
  let out = "";
  let note = "";
  const terminal: Terminal = {
    out(text) {
      out += text.endsWith("\n") ? text : `${text}\n`;
    },
    write(text) {
      out += text;
    },
    note(text) {
      note += `${text}\n`;
    },
    readInput: () => world.input ?? "",
    progress: () => undefined,
    drain: async () => true,
    columns: world.columns ?? 100,
    command: "orrery",
    paint: (_, text) => text,
    paintNote: (_, text) => text,
  };
  const context: CliContext = {
    terminal,
    clock: new ManualClock(Date.parse("2030-01-01T00:01:00Z")),
    cwd: world.cwd ?? "/work",
    env: world.env ?? {},
    sampleSite: "/orrery/sites/ground-station",
    connect: async () => fakeClient(world),
    signal: new AbortController().signal,
    platform: {
      version: "1.2.3",
      async up(options) {
        world.ups?.push(options);
        return 0;
      },
      down: async () => 0,
      processes: () => [],
      restore: async () => undefined,
      edge: () => undefined,
    },
  };
  return { status: await runCli(args, context), out, note };
}

function fakeClient({ answers = {}, requests }: World): Client {
  const request = async (one: ClientRequest): Promise<Answer> => {
    requests?.push(one);
    const name = `${one.method ?? "GET"} ${one.path}`;
    const answer = answers[name];
    if (answer === undefined) throw new OrreryError("store/missing", `${name}: not found`);
    if (answer instanceof Error) throw answer;
    return { status: 200, headers: {}, body: answer };
  };
  const text = async function* (one: ClientRequest): AsyncGenerator<string> {
    yield* (await request(one)).body as readonly string[];
  };
  return {
    url: "https://test",
    request,
    text,
    lines: text,
    openLink: () => assert.fail(),
    keepLink: () => assert.fail(),
    close: async () => undefined,
  };
}

const SERVICES = "/apis/orrery.dev/v1/namespaces/default/microservices";
const auth = (fields: { replicas?: number; suspended?: boolean } = {}) => ({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name: "auth", resourceVersion: "7", generation: 1, creationTimestamp: "2030-01-01T00:00:00Z" },
  spec: { replicas: 2, suspended: false, template: { version: "v1", run: { command: ["node"] } }, ...fields },
});

test("an unknown command is misuse, and the nearest one is suggested", async () => {
  const { status, note } = await run(["stauts"]);
  assert.equal(status, 2);
  assert.match(note, /unknown command 'stauts'\n\(Did you mean status\?\)/);
});

test("an unknown option, a missing argument and a bad value are misuse, and lead to the command's help", async () => {
  for (const args of [
    ["status", "--dtaa", "x"],
    ["logs"],
    ["scale", "auth", "many"],
    ["up", "--api-port", "70000"],
    ["down", "--timeout", "soon"],
    ["get", "nonsense"],
    ["delete"],
    ["delete", "ms"],
  ]) {
    const { status, note } = await run(args);
    assert.equal(status, 2, args.join(" "));
    assert.notEqual(note, "", args.join(" "));
  }
  assert.match((await run(["status", "--dtaa", "x"])).note, /Did you mean --data\?[\s\S]*See: orrery status --help/);
});

test("every command has help, and --help is no failure", async () => {
  const { out, status } = await run(["--help"]);
  assert.equal(status, 0);
  const commands = [...out.matchAll(/^ {2}([a-z-]+)(?: [<[]| {2,})/gm)].map((match) => match[1] ?? "").filter((name) => name !== "help");
  assert.ok(commands.length >= 18, commands.join());
  for (const command of commands) {
    const help = await run([command, "--help"]);
    assert.equal(help.status, 0, command);
    assert.match(help.out, /--data <dir>/, command);
  }
});

test("a failure is one line without a stack, and ORRERY_DEBUG tells more", async () => {
  const answers = { [`GET ${SERVICES}`]: new OrreryError("client/unavailable", "cannot reach https://test") };
  const { status, note } = await run(["get", "microservices"], { answers });
  assert.deepEqual([status, note], [1, "error: cannot reach https://test\n"]);
  assert.match((await run(["get", "microservices"], { answers, env: { ORRERY_DEBUG: "1" } })).note, /code: client\/unavailable[\s\S]*at /);
});

test("up takes ports, folders and times, and its defaults", async () => {
  const ups: UpOptions[] = [];
  await run(["up"], { ups });
  await run(
    ["up", "--site", "s", "--data", "../d", "--api-port", "0", "--edge-port", "81", "--listen", "::1", "--detach", "--timeout", "1m30s", "--prune"],
    { ups },
  );
  assert.deepEqual(ups, [
    {
      data: "/work/.orrery",
      site: "/orrery/sites/ground-station",
      listen: "127.0.0.1",
      apiPort: 7443,
      edgePort: 8080,
      detach: false,
      timeoutMs: 120_000,
      prune: false,
    },
    { data: "/d", site: "/work/s", listen: "::1", apiPort: 0, edgePort: 81, detach: true, timeoutMs: 90_000, prune: true },
  ]);
});

test("get shows the API's table, wide columns only when asked for", async () => {
  const table = {
    kind: "Table",
    columnDefinitions: [
      { name: "Name", type: "string" },
      { name: "Ready", type: "integer" },
      { name: "Port", type: "integer", priority: 1 },
    ],
    rows: [{ cells: ["auth", 2, 5001] }, { cells: ["predictor", null, 5002] }],
  };
  const answers = { [`GET ${SERVICES}`]: table };
  assert.equal((await run(["get", "ms"], { answers })).out, "NAME       READY\nauth           2\npredictor      -\n");
  assert.equal((await run(["get", "ms", "-o", "wide"], { answers })).out, "NAME       READY  PORT\nauth           2  5001\npredictor      -  5002\n");
});

test("get gives one object as itself and several as a list", async () => {
  const answers = { [`GET ${SERVICES}/auth`]: auth(), [`GET ${SERVICES}`]: { items: [auth()] } };
  assert.equal(JSON.parse((await run(["get", "ms", "auth", "-o", "json"], { answers })).out).kind, "Microservice");
  assert.equal(JSON.parse((await run(["get", "ms/auth", "-o", "json"], { answers })).out).kind, "Microservice");
  assert.match((await run(["get", "ms", "-o", "yaml"], { answers })).out, /^apiVersion: v1\nkind: List\nitems:\n {2}- apiVersion: orrery\.dev\/v1\n/);
  assert.equal((await run(["get", "ms", "-o", "name"], { answers })).out, "microservice.orrery.dev/auth\n");
});

test("scale changes the number and says what it was", async () => {
  const requests: ClientRequest[] = [];
  const answers = { [`GET ${SERVICES}/auth`]: auth(), [`PATCH ${SERVICES}/auth/scale`]: {} };
  const { status, out } = await run(["scale", "auth", "3"], { answers, requests });
  assert.deepEqual([status, out], [0, "microservice auth: 2 → 3 instances\n"]);
  assert.deepEqual(requests.at(-1)?.body, { spec: { replicas: 3 } });
});

test("a service that is not there is named, with where to look", async () => {
  const { status, note } = await run(["stop", "nobody"]);
  assert.deepEqual([status, note], [1, 'error: there is no microservice called "nobody"; see: orrery get microservices\n']);
});

test("logs writes pieces as they come and adds nothing", async () => {
  const answers = { [`GET ${SERVICES}/auth`]: auth(), [`GET ${SERVICES}/auth/log`]: ["auth-0 | on", "e\nauth-1 | two\n"] };
  assert.equal((await run(["logs", "auth"], { answers })).out, "auth-0 | one\nauth-1 | two\n");
});

test("run-script succeeds only if every instance does", async () => {
  const path = `POST ${SERVICES}/auth/scripts/selftest`;
  const result = (instance: string, exitCode: number) => ({
    instance,
    script: "selftest",
    exitCode,
    timedOut: false,
    durationMs: 1500,
    output: "a\nb\n",
  });
  const good = await run(["run-script", "auth", "selftest"], { answers: { [`GET ${SERVICES}/auth`]: auth(), [path]: [result("auth-0", 0)] } });
  assert.deepEqual(good, { status: 0, out: "a\nb\n", note: "selftest on auth-0: done after 1s\n" });
  const bad = await run(["run-script", "auth", "selftest", "--all"], {
    answers: { [`GET ${SERVICES}/auth`]: auth(), [path]: [result("auth-0", 0), result("auth-1", 3)] },
  });
  assert.equal(bad.status, 1);
  assert.match(bad.out, /^auth-0 \| a\nauth-0 \| b\nauth-1 \| a\n/);
  assert.match(bad.note, /selftest on auth-1: exit status 3 after 1s/);
});

function writeManifests(t: TestContext, text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-cli-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, "a.yaml"), text);
  return folder;
}

const GOOD =
  "apiVersion: orrery.dev/v1\nkind: Microservice\nmetadata: {name: auth}\nspec:\n  replicas: 2\n  template: {version: v1, run: {command: [node]}}\n";
const BAD = GOOD.replace("replicas: 2", "replcas: 2").replace("version: v1", "version: 1");

test("validate names file, line, object, field, what was found and what is allowed", async (t) => {
  const cwd = writeManifests(t, `${GOOD}---\n${BAD}`);
  const { status, out, note } = await run(["validate", "-f", "a.yaml"], { cwd });
  assert.equal(status, 1);
  const lines = out.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^a\.yaml:10: Microservice auth: metadata\.name: "auth" is already used at a\.yaml:3$/);
  assert.match(lines[1] ?? "", /^a\.yaml:12: Microservice auth: spec\.replcas: unknown field; did you mean replicas\?; allowed: mode, replicas, /);
  assert.match(lines[2] ?? "", /^a\.yaml:13: Microservice auth: spec\.template\.version: found 1; allowed: text$/);
  assert.equal(note, "3 faults in 1 file\n");
  assert.equal(JSON.parse((await run(["validate", "-f", ".", "-o", "json"], { cwd })).out).faults.length, 3);
});

test("validate takes standard input", async () => {
  assert.deepEqual(await run(["validate", "-f", "-"], { input: GOOD }), { status: 0, out: "1 object in 1 file: allowed\n", note: "" });
  assert.match((await run(["validate", "-f", "-"], { input: "a: [1\n" })).out, /^-:2: column 1: /);
});

test("apply changes nothing unless everything is allowed", async (t) => {
  const requests: ClientRequest[] = [];
  const { status, note } = await run(["apply", "-f", "a.yaml"], { cwd: writeManifests(t, BAD), requests });
  assert.equal(status, 1);
  assert.match(note, /nothing was applied: 2 faults/);
  assert.deepEqual(requests, []);
});

test("apply says what was created, changed and unchanged, and sends no status and no server's fields", async (t) => {
  const cwd = writeManifests(t, `${GOOD.replace("{name: auth}", '{name: auth, resourceVersion: "3", uid: x}')}status: {replicas: 1}\n`);
  const outcome = async (before: unknown, after: string): Promise<string> => {
    const answers = {
      [`PATCH ${SERVICES}/auth`]: { ...auth(), metadata: { resourceVersion: after } },
      ...(before === undefined ? {} : { [`GET ${SERVICES}/auth`]: before }),
    };
    return (await run(["apply", "-f", "a.yaml"], { cwd, answers })).out;
  };
  assert.equal(await outcome(undefined, "8"), "microservice auth: created\n");
  assert.equal(await outcome(auth(), "8"), "microservice auth: changed\n");
  assert.equal(await outcome(auth(), "7"), "microservice auth: unchanged\n");
  const requests: ClientRequest[] = [];
  await run(["apply", "-f", "a.yaml"], { cwd, answers: { [`PATCH ${SERVICES}/auth`]: auth() }, requests });
  const body = requests.at(-1)?.body as { metadata: object };
  assert.deepEqual([Object.keys(body), body.metadata], [["apiVersion", "kind", "metadata", "spec"], { name: "auth" }]);
});

test("apply to an object that is being deleted fails, for what was applied goes with it", async (t) => {
  const cwd = writeManifests(t, GOOD);
  const dying = { ...auth(), metadata: { ...auth().metadata, deletionTimestamp: "2026-01-01T00:00:00.000Z" } };
  const { status, note } = await run(["apply", "-f", "a.yaml"], {
    cwd,
    answers: { [`GET ${SERVICES}/auth`]: dying, [`PATCH ${SERVICES}/auth`]: dying },
  });
  assert.equal(status, 1);
  assert.match(note, /being deleted.*apply it again when it is gone/);
});

test("apply --wait waits until the service is ready, and fails with its reason when it is not in time", async (t) => {
  const cwd = writeManifests(t, GOOD);
  const withReady = (status: string) => ({
    ...auth(),
    status: {
      conditions: [
        { type: "Ready", status, reason: status === "True" ? "Ready" : "Crashing", message: "exit status 1: no key", observedGeneration: 1 },
      ],
    },
  });
  const answers = (status: string) => ({ [`PATCH ${SERVICES}/auth`]: auth(), [`GET ${SERVICES}`]: { items: [withReady(status)] } });
  assert.equal((await run(["apply", "-f", "a.yaml", "--wait"], { cwd, answers: answers("True") })).status, 0);
  // A wait of no time at all: the clock of this test stands still.
  const late = await run(["apply", "-f", "a.yaml", "--wait", "--timeout", "0s"], { cwd, answers: answers("False") });
  assert.equal(late.status, 1);
  assert.match(late.note, /not as wanted within 0ms:\n {2}auth: Crashing: exit status 1: no key/);
});

test("delete says what was there and fails for what was not", async () => {
  const { status, out, note } = await run(["delete", "ms", "auth", "nobody"], { answers: { [`DELETE ${SERVICES}/auth`]: {} } });
  assert.deepEqual([status, out, note], [1, "microservice auth: deleted\n", "microservice nobody: there is none\n"]);
});

test("crds gives one document for each kind", async () => {
  const all = (await run(["crds"])).out;
  assert.ok(all.split("---\n").length > 9);
  const one = (await run(["crds", "ms"])).out;
  assert.match(one, /name: microservices\.orrery\.dev/);
  assert.match(one, /specReplicasPath: \.spec\.replicas/);
  assert.match(one, /x-kubernetes-list-map-keys:\n *- name/);
});

test("a kind that nobody knows is misuse, with the nearest one", async () => {
  const { status, note } = await run(["get", "microservise"]);
  assert.equal(status, 2);
  assert.match(note, /there is no kind "microservise"; did you mean microservice\?; kinds: sites,/);
});

test("describe takes kind/name, and says what to give where the name is missing", async () => {
  const { status, note } = await run(["describe", "ms"]);
  assert.equal(status, 2);
  assert.match(note, /orrery describe ms NAME/);
  assert.match((await run(["describe", "ms/nobody"])).note, /nobody/);
});

test("a ramp that does not rise is misuse", async () => {
  const { status, note } = await run(["update", "auth", "--to", "v2", "--ramp", "50,10"]);
  assert.equal(status, 2);
  assert.match(note, /--ramp 50,10 does not rise/);
});
