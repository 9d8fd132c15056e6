import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ManualClock, OrreryError, systemClock } from "#/base/index.ts";
import { gateway, host, instance, job, microservice, resource, route } from "#/model/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";
import type { PlatformProcess, UpOptions } from "./platform.ts";
import { auth, BASE, RAMP, REVISIONS, run, SERVICES, Sequence, siteWith, UPDATE, updateIn, writeManifests } from "./rig.ts";

test("an unknown command is misuse, and the nearest one is suggested", async () => {
  const { status, note } = await run(["stauts"]);
  assert.equal(status, 2);
  assert.match(note, /unknown command 'stauts'\n\(Did you mean status\?\)\n+See: orrery --help\n$/);
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

test("up without a site goes on with the one that the data folder had", async () => {
  const ups: UpOptions[] = [];
  await run(["up", "--data", "../d"], { ups, site: "/srv/our site" });
  assert.deepEqual(
    ups.map(({ site }) => site),
    ["/srv/our site"],
  );
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

test("get takes names or a selector, not both: nobody takes what is shown for what was selected", async () => {
  for (const args of [
    ["ms", "auth", "-l", "a=b"],
    ["ms/auth", "--field-selector", "spec.host=a"],
    ["ms", "auth", "-l", "", "-w"],
  ]) {
    const { status, note } = await run(["get", ...args]);
    assert.equal(status, 2, args.join(" "));
    assert.match(note, /give either names or a selector/);
  }
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

test("restart asks for it once for each service, and for none if one of them has nothing that runs", async () => {
  const requests: ClientRequest[] = [];
  const other = { ...auth(), metadata: { name: "portal" }, spec: { ...auth().spec, suspended: true } };
  const answers = { [`GET ${SERVICES}/auth`]: auth(), [`PATCH ${SERVICES}/auth`]: {}, [`GET ${SERVICES}/portal`]: other };
  const { status, out } = await run(["restart", "auth", "auth"], { answers, requests });
  assert.equal(status, 0);
  assert.match(out, /^microservice auth: restarting 2 instances, one after the other\n$/);
  const sent = requests.filter((one) => one.method === "PATCH");
  assert.deepEqual(
    sent.map((one) => one.body),
    [{ spec: { restartedAt: "2030-01-01T00:01:00.000Z" } }],
  );
  requests.length = 0;
  const refused = await run(["restart", "auth", "portal"], { answers, requests });
  assert.equal(refused.status, 2);
  assert.match(refused.note, /nothing of portal runs: it is stopped; start it with: orrery start portal/);
  assert.ok(requests.every((one) => one.method !== "PATCH"));
});

test("scale --wait asks for instances, not for a template that was refused; apply --wait says at once that it was", async (t) => {
  const refused = { type: "Diverged", status: "True", reason: "RevisionRefused", message: "auth-v2 is not served" };
  const ready = { type: "Ready", status: "True", reason: "Ready", message: "2 of 2", observedGeneration: 1 };
  const scaled = { ...auth(), status: { conditions: [ready, refused] } };
  const answers = {
    [`GET ${SERVICES}`]: { items: [scaled] },
    [`GET ${SERVICES}/auth`]: scaled,
    [`PATCH ${SERVICES}/auth/scale`]: {},
    [`PATCH ${SERVICES}/auth`]: scaled,
  };
  assert.equal((await run(["scale", "auth", "2", "--wait"], { answers })).status, 0);
  const { status, note } = await run(["apply", "-f", "a.yaml", "--wait"], { cwd: writeManifests(t, GOOD), answers });
  assert.equal(status, 1);
  assert.match(note, /^not as wanted:\n {2}auth: RevisionRefused: auth-v2 is not served\n/);
});

test("scale --wait says that somebody has asked for another number meanwhile, and who", async () => {
  const ready = { type: "Ready", status: "True", reason: "Ready", message: "5 of 5", observedGeneration: 1 };
  const by = { ...auth().metadata, annotations: { "orrery.dev/changed-by": "ben" } };
  const scaled = { ...auth(), metadata: by, spec: { ...auth().spec, replicas: 5 }, status: { conditions: [ready] } };
  const answers = { [`GET ${SERVICES}`]: { items: [scaled] }, [`GET ${SERVICES}/auth`]: auth(), [`PATCH ${SERVICES}/auth/scale`]: {} };
  const { status, note } = await run(["scale", "auth", "3", "--wait"], { answers });
  assert.equal(status, 1);
  assert.match(note, /auth: ScaledOtherwise: it was scaled to 5 meanwhile by ben: what was asked for \(3\) holds no longer/);
});

test("a service that is not there is named, with where to look", async () => {
  const { status, note } = await run(["stop", "nobody"]);
  assert.deepEqual([status, note], [1, 'error: there is no microservice called "nobody"; see: orrery get microservices\n']);
});

test("logs shows each line with its instance and, where it is asked for, its time; on a terminal nothing in it is obeyed", async () => {
  const lines = [
    { instance: "auth-0", time: "2030-01-01T00:00:01.000Z", text: "one\u001b[31m" },
    { instance: "auth-1", time: "2030-01-01T00:00:09.000Z", notBefore: "2030-01-01T00:00:02.000Z", text: "two", cut: 7 },
    { instance: "auth-1", base64: Buffer.from([0xe9, 0x00]).toString("base64") },
  ];
  const requests: ClientRequest[] = [];
  const answers = { [`GET ${SERVICES}/auth`]: auth(), "GET /logs": lines.map((one) => JSON.stringify(one)) };
  const raw = await run(["logs", "auth", "--since", "10m", "--grep", "a", "--grep", "b"], { answers, requests });
  assert.equal(raw.out, "auth-0 | one\u001b[31m\nauth-1 | two… [7 more bytes of this line are left out]\nauth-1 | \u00e9\u0000\n");
  assert.deepEqual(requests.at(-1)?.query?.["service"], ["auth"]);
  assert.deepEqual(requests.at(-1)?.query?.["text"], ["a", "b"]);
  assert.equal(requests.at(-1)?.query?.["sinceTime"], "2029-12-31T23:51:00.000Z");
  const shown = await run(["logs", "auth", "-t"], { answers, isTerminal: true });
  assert.equal(
    shown.out,
    "2030-01-01T00:00:01.000Z auth-0 | one\\u001b[31m\n2030-01-01T00:00:02.000Z/2030-01-01T00:00:09.000Z auth-1 | two… [7 more bytes of this line are left out]\n- auth-1 | \ufffd\\u0000\n",
  );
});

test("logs refuses what cannot be meant", async () => {
  for (const [args, message] of [
    [["logs"], /names of microservices or instances, or --all/],
    [["logs", "auth", "-f", "--until", "1m"], /has no end/],
    [["logs", "auth", "-f", "--previous"], /is over/],
    [["logs", "auth", "--since", "soon"], /--since: found "soon"/],
  ] as const) {
    const { status, note } = await run([...args]);
    assert.equal(status, 2, args.join(" "));
    assert.match(note, message);
  }
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
  const requests: ClientRequest[] = [];
  const answers = { [`GET ${SERVICES}/auth`]: auth(), [path]: [result("auth-0", 0)] };
  const good = await run(["run-script", "auth", "selftest"], { answers, requests });
  assert.ok((requests.at(-1)?.timeoutMs ?? 0) > 24 * 3_600_000, "the script's own time limit decides");
  assert.deepEqual(good, { status: 0, out: "a\nb\n", note: "selftest on auth-0: done after 1s\n" });
  const bad = await run(["run-script", "auth", "selftest", "--all"], {
    answers: { [`GET ${SERVICES}/auth`]: auth(), [path]: [result("auth-0", 0), result("auth-1", 3)] },
  });
  assert.equal(bad.status, 1);
  assert.match(bad.out, /^auth-0 \| a\nauth-0 \| b\nauth-1 \| a\n/);
  assert.match(bad.note, /selftest on auth-1: exit status 3 after 1s/);
});

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
  const answers = { [`DELETE ${SERVICES}/auth`]: {}, [`GET ${BASE}/routes`]: { items: [] }, [`GET ${SERVICES}`]: { items: [] } };
  const { status, out, note } = await run(["delete", "ms", "auth", "nobody"], { answers });
  assert.deepEqual([status, out, note], [1, "microservice auth: deleted\n", "microservice nobody: there is none\n"]);
});

test("delete --wait waits for what was deleted, not for another of its name that somebody has made since", async () => {
  const gone = (uid: string): object => ({ ...auth(), metadata: { ...auth().metadata, uid } });
  for (const [after, status] of [
    [new Sequence(gone("1"), gone("1"), gone("2")), 0],
    [new Sequence(gone("1"), new OrreryError("store/missing", "gone")), 0],
    [new Sequence(gone("1")), 1],
  ] as const)
    for (const body of [{ kind: "Status", metadata: {}, details: { uid: "1" } }, gone("1")]) {
      const answers = {
        [`DELETE ${SERVICES}/auth`]: body,
        [`GET ${SERVICES}/auth`]: new Sequence(...after.answers),
        [`GET ${BASE}/routes`]: { items: [] },
        [`GET ${SERVICES}`]: { items: [] },
      };
      const done = await run(["delete", "ms", "auth", "--wait", "--timeout", "1s"], { answers, clock: systemClock });
      assert.equal(done.status, status, done.note);
    }
});

test("delete of a service names the routes that now lead nowhere, and who still calls it", async () => {
  const route = (name: string, service: string, more: object = {}) => ({ metadata: { name, ...more }, spec: { service } });
  const items = [route("login", "auth"), route("portal", "portal"), route("old", "auth", { deletionTimestamp: "2030-01-01T00:00:00Z" })];
  const callers = { items: [{ metadata: { name: "portal" }, spec: { template: { calls: ["auth", "proc"] } } }, auth()] };
  const answers = { [`DELETE ${SERVICES}/auth`]: {}, [`GET ${BASE}/routes`]: { items }, [`GET ${SERVICES}`]: callers };
  const { status, note } = await run(["delete", "ms", "auth"], { answers });
  assert.equal(status, 0);
  assert.match(
    note,
    /^route login now leads nowhere: its service auth is deleted; delete it with: orrery delete route login, or .*\nportal still calls auth: .*\n$/,
  );
});

test("apply --dry-run says what would be changed, and what not", async (t) => {
  const cwd = writeManifests(t, GOOD);
  const requests: ClientRequest[] = [];
  const said = async (outcome: "changed" | "unchanged"): Promise<string> => {
    const objects = [{ kind: "Microservice", name: "auth", outcome }];
    const answers = { [`GET ${SERVICES}/auth`]: auth(), "POST /forecast": { kind: "Forecast", objects, updates: [], scales: [] } };
    return (await run(["apply", "-f", "a.yaml", "--dry-run"], { cwd, answers, requests })).out;
  };
  assert.equal(await said("unchanged"), "microservice auth: unchanged (dry run)\n");
  assert.match(await said("changed"), /^microservice auth: changed \(dry run\)\n/);
  assert.deepEqual(
    requests.filter(({ method = "GET" }) => method !== "GET").map(({ path: asked }) => asked),
    ["/forecast", "/forecast"],
    "nothing is written",
  );
});

test("apply refuses a template whose files are not in the site's folder, and names where it looked", async (t) => {
  const site = mkdtempSync(path.join(tmpdir(), "orrery-cli-site-"));
  t.after(() => rmSync(site, { recursive: true }));
  const cwd = writeManifests(t, GOOD.replace("run:", "files: [{from: server.mjs}], run:"));
  writeFileSync(path.join(cwd, "server.mjs"), "");
  const requests: ClientRequest[] = [];
  const lost = await run(["apply", "-f", "a.yaml"], { cwd, site, requests });
  assert.equal(lost.status, 1);
  assert.ok(
    lost.note.startsWith(
      `a.yaml:6: Microservice auth: spec.template.files[0].from: there is no ${site}/server.mjs: relative files are looked for in the folder of the site that runs, ${site}; there is ${cwd}/server.mjs: give that`,
    ),
    lost.note,
  );
  assert.deepEqual(requests, []);
  writeFileSync(path.join(site, "server.mjs"), "");
  assert.equal((await run(["apply", "-f", "a.yaml"], { cwd, site, answers: { [`PATCH ${SERVICES}/auth`]: auth() } })).status, 0);
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

test("an update of a service or to a version that does not exist makes none, and names near ones", async () => {
  const requests: ClientRequest[] = [];
  const world = {
    answers: { [`GET ${SERVICES}`]: { items: [auth()] }, [`GET ${BASE}/revisions`]: REVISIONS },
    site: "/site",
    offered: ["v2"],
    requests,
  };
  const nobody = await run(["update", "autt", "--to", "v2"], world);
  assert.deepEqual(
    [nobody.status, nobody.note],
    [1, 'error: there is no microservice called "autt"; did you mean auth?; see: orrery get microservices\n'],
  );
  const never = await run(["update", "auth", "--to", "v9"], world);
  assert.equal(never.status, 1);
  assert.match(
    never.note,
    /auth has no version or revision "v9"; did you mean v1\?; known are v1, v2 \(revisions that ran, and what \/site\/versions offers\)/,
  );
  assert.ok(requests.every((one) => one.method === undefined || one.method === "GET"));
});

test("an update to a version that ran, that is offered, or that only the centre can judge, is made", async () => {
  for (const [to, world] of [
    ["v1", { site: "/site" }],
    ["auth-v1-0a1b2c3d", { site: "/site" }],
    ["v2", { site: "/site", offered: ["v2"] }],
    ["v9", {}],
  ] as const) {
    const made = { metadata: { name: "auth-x" }, spec: { services: [{ name: "auth", to }] } };
    const answers = { [`GET ${SERVICES}`]: { items: [auth()] }, [`GET ${BASE}/revisions`]: REVISIONS, [`POST ${BASE}/updates`]: made };
    const { status, out, note } = await run(["update", "auth", "--to", to, "--no-wait"], { ...world, answers });
    assert.deepEqual([status, out], [0, `update auth-x: auth to ${to}\n`], note);
  }
});

test("update pause says at which step of the ramp it holds, and --off how long that step lasts", async () => {
  const paused = async (phase: string, isPaused: boolean, generation: object = {}, ...more: string[]): Promise<string> => {
    const answers = {
      [`GET ${UPDATE}`]: updateIn(phase),
      [`PATCH ${UPDATE}`]: updateIn(phase, { paused: isPaused }),
      [`GET ${BASE}/sites`]: siteWith(generation),
    };
    return (await run(["update", "pause", "u", ...more], { answers })).out;
  };
  assert.match(
    await paused("Ramping", true, { ramp: RAMP }),
    /^update u is held at step 1 of 2 \(10 % of new transactions\); it stays there until: orrery update pause u --off, /,
  );
  assert.match(await paused("Preparing", true), /^update u is held before any transaction has the new versions; it stays so until: /);
  assert.doesNotMatch(await paused("Ramping", true, { ramp: RAMP }), /gate/);
  // The clock of this test stands a minute after the step's begin.
  assert.equal(
    await paused("Ramping", false, { ramp: RAMP }, "--off"),
    "update u goes on at step 1 of 2 (10 % of new transactions): it stays there 30s or longer, then 50 %\n",
  );
  assert.equal(
    await paused("Ramping", false, { ramp: { ...RAMP, step: 1, stepSince: "2029-01-01T00:00:00Z" } }, "--off"),
    "update u goes on at step 2 of 2 (50 % of new transactions): its time there is over, then all new transactions\n",
  );
});

test("an update of a service that is stopped is complete, and the command says that nothing was started", async () => {
  const message = "auth is stopped: auth-v2-1 was not started";
  const done = updateIn("Complete", {}, { conditions: [{ type: "Started", status: "False", reason: "Suspended", message }] });
  const answers = {
    [`GET ${SERVICES}`]: { items: [auth({ suspended: true })] },
    [`GET ${BASE}/revisions`]: REVISIONS,
    [`POST ${BASE}/updates`]: done,
    [`GET ${UPDATE}`]: done,
    [`GET ${BASE}/sites`]: siteWith({}),
  };
  const { status, out, note } = await run(["update", "auth", "--to", "v1"], { answers });
  assert.equal(status, 0);
  assert.match(out, /update u: complete in generation 5/);
  assert.match(note, /update u: not started: auth is stopped: auth-v2-1 was not started/);
});

test("update show --watch draws again each second until the update has ended, and its status is how that was", async () => {
  const watch = async (last: string) => {
    const clock = new ManualClock(Date.parse("2030-01-01T00:01:00Z"));
    const shown = (phase: string) => ({ ...updateIn(phase), metadata: { name: "u", creationTimestamp: "2030-01-01T00:00:00Z" } });
    const empty = { items: [] };
    const answers = {
      [`GET ${UPDATE}`]: new Sequence(shown("Preparing"), shown("Draining"), shown(last)),
      ...Object.fromEntries(["sites", "generations", "revisions", "instances"].map((plural) => [`GET ${BASE}/${plural}`, empty])),
      "GET /apis/orrery.dev/v1/gateways": empty,
    };
    const ticking = setInterval(() => clock.advance(1000), 1);
    const { status, out } = await run(["update", "show", "u", "--watch"], { answers, clock, isTerminal: true, env: { TERM: "xterm" } }).finally(
      () => {
        clearInterval(ticking);
      },
    );
    const pictures = out.split("\u001b[H\u001b[J").slice(1);
    return { status, phases: pictures.map((one) => /^u +([A-Z][a-z]+)/m.exec(one)?.[1]) };
  };
  assert.deepEqual(await watch("Complete"), { status: 0, phases: ["Preparing", "Draining", "Complete"] });
  assert.deepEqual(await watch("Aborted"), { status: 1, phases: ["Preparing", "Draining", "Aborted"] });
});

test("update of a service that is being deleted makes no update", async () => {
  const requests: ClientRequest[] = [];
  const leaving = { ...auth(), metadata: { ...auth().metadata, deletionTimestamp: "2030-01-01T00:00:30Z" } };
  const answers = { [`GET ${SERVICES}`]: { items: [leaving] }, [`GET ${BASE}/revisions`]: REVISIONS, [`GET ${BASE}/sites`]: siteWith({}) };
  const { status, note } = await run(["update", "auth", "--to", "v1"], { answers, requests });
  assert.equal(status, 1);
  assert.match(note, /auth is being deleted: it cannot be updated\. When it is gone, apply its manifest again/);
  assert.ok(requests.every((one) => one.method === undefined || one.method === "GET"));
});

test("update rollback to a Revision that was pruned makes no update, and says what can be had", async () => {
  const requests: ClientRequest[] = [];
  const revisions = [{ service: "auth", from: "auth-v0-99999999", to: "auth-v1-0a1b2c3d" }];
  const answers = {
    [`GET ${UPDATE}`]: updateIn("Complete", {}, { revisions }),
    [`GET ${BASE}/sites`]: { items: [{ metadata: { name: "site" }, status: { stamp: { generation: 5 } } }] },
    [`GET ${BASE}/generations`]: { items: [{ metadata: { name: "g5" }, spec: { number: 5, map: { auth: "auth-v1-0a1b2c3d" } } }] },
    [`GET ${BASE}/updates`]: { items: [] },
    [`GET ${SERVICES}`]: { items: [auth()] },
    [`GET ${BASE}/revisions`]: REVISIONS,
  };
  const { status, note } = await run(["update", "rollback", "u"], { answers, site: "/site", offered: ["v0"], requests });
  assert.equal(status, 1);
  assert.match(note, /auth has no version or revision "auth-v0-99999999".*known are v1, v0 /);
  assert.match(note, /one that ran may have been pruned \(revisionHistoryLimit\)/);
  assert.ok(requests.every((one) => one.method === undefined || one.method === "GET"));
});

const GATEWAYS = "/apis/orrery.dev/v1/gateways";
const gatewayThat = (reason: string) => ({ metadata: { name: "burnt" }, status: { conditions: [{ type: "Ready", reason }] } });
const forget = async (items: readonly object[], ...args: string[]) => {
  const requests: ClientRequest[] = [];
  const done = await run(["gateway", ...args], { answers: { [`GET ${GATEWAYS}`]: { items }, [`DELETE ${GATEWAYS}/burnt`]: {} }, requests });
  return { ...done, deleted: requests.filter((one) => one.method === "DELETE").map((one) => one.path) };
};

test("gateway forget takes a gateway that is lost out of the register", async () => {
  const done = await forget([gatewayThat("NotConnected")], "forget", "burnt");
  assert.deepEqual([done.status, done.deleted], [0, [`${GATEWAYS}/burnt`]]);
  assert.match(done.out, /^gateway burnt is forgotten/);
});

test("gateway forget leaves alone what is connected, or of which nothing is known, and says what to do", async () => {
  for (const items of [[gatewayThat("Ready")], [gatewayThat("TableBehind")], [{ metadata: { name: "burnt" } }]]) {
    const done = await forget(items, "forget", "burnt");
    assert.deepEqual([done.status, done.deleted, done.out], [1, [], ""]);
    assert.match(
      done.note,
      /gateway burnt is connected \((Ready|TableBehind|Unknown)\): only one that is surely dead may be forgotten; stop it first/,
    );
  }
});

test("gateway forget of an unknown gateway names those that are known; another word than forget is misuse", async () => {
  const unknown = await forget([gatewayThat("NotConnected")], "forget", "brunt");
  assert.deepEqual([unknown.status, unknown.deleted], [1, []]);
  assert.match(unknown.note, /there is no gateway called "brunt"; known: burnt/);
  assert.match((await forget([], "forget", "burnt")).note, /known: none/);
  const misused = await forget([gatewayThat("NotConnected")], "remember", "burnt");
  assert.deepEqual([misused.status, misused.deleted], [2, []]);
  assert.match(misused.note, /orrery gateway forget NAME/);
});

test("update abort says what became of it", async () => {
  const aborted = (before: object, ...after: object[]) =>
    run(["update", "abort", "u"], { answers: { [`GET ${UPDATE}`]: new Sequence(before, ...after), [`PATCH ${UPDATE}`]: new Sequence(...after) } });
  const back = await aborted(updateIn("Ramping"), updateIn("RolledBack", { aborted: true }));
  assert.deepEqual([back.status, back.note], [0, ""]);
  assert.equal(back.out, "update u is given up: new transactions have what was served before; those that began in the new versions end there\n");
  const early = await aborted(updateIn("Preparing"), updateIn("Aborted", { aborted: true }));
  assert.equal(early.out, "update u is given up: no transaction has met the new versions; what was served before is left as it was\n");
});

test("update abort, pause and promote after the switch are too late, change nothing, and lead to rollback", async () => {
  for (const [action, verb] of [
    ["abort", "give up"],
    ["pause", "hold"],
    ["promote", "promote"],
  ] as const) {
    const requests: ClientRequest[] = [];
    const { status, out, note } = await run(["update", action, "u"], { answers: { [`GET ${UPDATE}`]: updateIn("Draining") }, requests });
    assert.deepEqual([status, out], [1, ""]);
    assert.equal(
      note,
      `error: too late to ${verb}: update u has switched, all new transactions have generation 5; to go back from it: orrery update rollback u\n`,
    );
    assert.ok(requests.every((one) => one.method !== "PATCH"));
  }
  const raced = { [`GET ${UPDATE}`]: updateIn("Ramping"), [`PATCH ${UPDATE}`]: updateIn("Draining", { aborted: true }) };
  const { status, note } = await run(["update", "abort", "u"], { answers: raced });
  assert.equal(status, 1);
  assert.match(note, /^error: too late to give up/);
});

test("whoever waits for an update that does not complete is told why", async () => {
  const waited = async (one: object, sites: object = { items: [] }): Promise<string> => {
    const answers = {
      [`GET ${SERVICES}`]: { items: [auth()] },
      [`GET ${BASE}/revisions`]: REVISIONS,
      [`POST ${BASE}/updates`]: one,
      [`GET ${UPDATE}`]: one,
      [`GET ${BASE}/sites`]: sites,
    };
    const { status, note } = await run(["update", "auth", "--to", "v2"], { answers });
    assert.equal(status, 1);
    return note;
  };
  assert.match(
    await waited(updateIn("RolledBack", { aborted: true })),
    /^update u: RolledBack: given up on request\nnew transactions have what was served/,
  );
  const refused = { items: [{ status: { refused: [{ service: "auth", revision: "auth-v2-1", reason: "more errors than before" }] } }] };
  assert.match(await waited(updateIn("RolledBack"), refused), /^update u: RolledBack: more errors than before\n/);
  const waits = [{ message: "auth-0 is not ready" }];
  assert.match(await waited(updateIn("Aborted", {}, { waits })), /^update u: Aborted: auth-0 is not ready\nno transaction has met the new versions/);
});

/** A site as `status` sees it. */
function siteAnswers(services: readonly object[] = []): Readonly<Record<string, unknown>> {
  const long = "a-service-with-quite-a-long-name-of-its-own";
  const ready = { conditions: [{ type: "Ready", status: "False", reason: "Crashing", message: "exit status 1: ".padEnd(120, "x") }] };
  const items: Readonly<Record<string, readonly object[]>> = {
    sites: [
      {
        metadata: { name: "site" },
        status: { stamp: { generation: 3 }, conditions: [{ type: "Settled", status: "False", reason: "Waiting", message: "waits for ".repeat(12) }] },
      },
    ],
    microservices: [{ ...auth(), metadata: { ...auth().metadata, name: long }, status: ready }, ...services],
    instances: [
      {
        metadata: { name: `${long}-v1-0a1b2c3d-0`, namespace: "default" },
        spec: { run: {}, service: long },
        status: { phase: "Running", pid: 4_194_304, restarts: 10 },
      },
    ],
    jobs: [{ metadata: { name: long }, spec: { schedule: "*/15 8-18 * * 1-5" }, status: { ...ready, lastRun: `${long}-20300101t000000z` } }],
    resources: [{ metadata: { name: long }, spec: { id: "station/antenna/main-reflector", type: "machine" }, status: ready }],
    routes: [{ metadata: { name: long }, spec: { service: long, path: { prefix: "/a/long/prefix/of/a/path" } } }],
  };
  const base = Object.fromEntries(Object.entries(items).map(([plural, list]) => [`GET ${BASE}/${plural}`, { items: list }]));
  const gateways = [
    { metadata: { name: long }, spec: { host: "h", roles: ["edge", "host"] }, status: { edgeAddress: "http://127.0.0.1:37943", ...ready } },
  ];
  return {
    ...base,
    "GET /apis/orrery.dev/v1/gateways": { items: gateways },
    "GET /apis/orrery.dev/v1/hosts": { items: [{ metadata: { name: `host-of-${long}` } }] },
  };
}

const processOf = (name: PlatformProcess["name"], pid?: number): PlatformProcess => ({
  name,
  ...(pid === undefined ? {} : { pid }),
  ready: pid !== undefined,
  restarts: 0,
});

test("status fits a terminal of 80 columns, and shows all of it with -o wide", async () => {
  const world = { answers: siteAnswers(), columns: 80, processes: [processOf("supervisor", 1)] };
  const { out, status } = await run(["status", "--data", "/a/data/folder/somewhere"], world);
  assert.equal(status, 0);
  for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(out, /Crashing/);
  assert.match((await run(["status", "-o", "wide"], world)).out, /a-service-with-quite-a-long-name-of-its-own-v1-0a1b2c3d-0 /);
});

test("status says beside what is in force which services are not ready, and nothing where all are", async () => {
  const settled = { type: "Settled", status: "True", reason: "Settled", message: "new transactions go to the versions that are wanted" };
  const sites = { items: [{ metadata: { name: "site" }, status: { stamp: { generation: 3 }, conditions: [settled] } }] };
  const serviceIn = (name: string, status: string, reason: string): object => ({
    ...auth(),
    metadata: { ...auth().metadata, name },
    status: { conditions: [{ type: "Ready", status, reason, message: "" }] },
  });
  const lineOf = async (services: readonly object[]): Promise<string> => {
    const answers = { ...siteAnswers(), [`GET ${BASE}/sites`]: sites, [`GET ${SERVICES}`]: { items: services } };
    return (await run(["status"], { answers, columns: 200, processes: [processOf("centre", 1)] })).out.split("\n")[0] ?? "";
  };
  const ready = serviceIn("a", "True", "Ready");
  const stopped = serviceIn("b", "False", "Suspended");
  assert.match(await lineOf([ready, stopped]), /generation 3: new transactions go to the versions that are wanted$/);
  for (const reason of ["CrashLoop", "NotReady", "Starting", "Unknown", "SomethingNew"])
    assert.match(await lineOf([ready, serviceIn("c", "False", reason)]), new RegExp(`wanted; not ready: c \\(${reason}\\)$`));
  assert.match(await lineOf([{ ...auth(), metadata: { ...auth().metadata, name: "new" } }]), /not ready: new \(Unknown\)$/);
});

test("status and describe say that a service is scaled to 0", async () => {
  const idle = {
    ...auth({ replicas: 0 }),
    status: { servedVersion: "v1", conditions: [{ type: "Ready", status: "True", reason: "Ready", message: "0 of 0 instances ready" }] },
  };
  const answers = { ...siteAnswers([idle]), [`GET ${SERVICES}/auth`]: idle, "GET /api/v1/namespaces/default/events": { items: [] } };
  assert.match(
    (await run(["status"], { answers, columns: 200 })).out,
    /^auth +v1 +0\/0 +ScaledToZero +scaled to 0, nothing serves it; .*orrery scale auth 1$/m,
  );
  assert.match(
    (await run(["describe", "ms", "auth"], { answers })).out,
    /^Runs: +nothing: it is scaled to 0; start some with: orrery scale auth 1$/m,
  );
});

test("status says that a site without a supervisor goes on, and how it is adopted", async () => {
  const at = async (...processes: PlatformProcess[]): Promise<string> =>
    (await run(["status", "--data", "/d"], { answers: siteAnswers(), processes, site: "/site" })).note;
  assert.match(await at(processOf("supervisor"), processOf("centre", 2)), /supervisor does not run: .* orrery up --data \/d --site \/site\n$/);
  assert.equal(await at(processOf("supervisor", 1), processOf("centre", 2)), "");
});

test("a script whose program cannot be started is told with its instance, and without a time that it took", async () => {
  const answers = {
    [`GET ${SERVICES}/auth`]: auth(),
    [`POST ${SERVICES}/auth/scripts/gone`]: [{ instance: "auth-0", script: "gone", error: "cannot run gone: there is no such program on PATH" }],
  };
  const { status, note } = await run(["run-script", "auth", "gone"], { answers });
  assert.deepEqual([status, note], [1, "gone on auth-0: cannot run gone: there is no such program on PATH\n"]);
});

test("status says that instances live on where nothing of the platform runs, how they are adopted and how they are ended", async () => {
  const answers = { [`GET ${BASE}/sites`]: new OrreryError("client/unavailable", "cannot reach https://test") };
  const processes = (["supervisor", "centre", "agent", "gateway"] as const).map((name) => processOf(name));
  const left = ["auth-v1-0a1b2c3d-0", "portal-v1-1b2c3d4e-0"].map((name, index) => ({ name, pid: 100 + index, service: name.split("-")[0] ?? "" }));
  const { status, out, note } = await run(["status", "--data", "/d"], { answers, processes, left });
  assert.equal(status, 1);
  assert.match(note, /^the platform does not run on \/d, but 2 instances still run; no call is routed\. End them with: orrery down --data \/d\n/);
  assert.match(note, /This adopts what runs: orrery up --data \/d\n$/);
  assert.match(out, /^supervisor +- .* not running$/m);
  assert.match(out, /^auth-v1-0a1b2c3d-0 +100 .* Unattended$/m);
  const gone = await run(["status", "--data", "/d"], { answers, processes });
  assert.deepEqual([gone.status, gone.out, gone.note], [1, "", "nothing runs on /d; start it with: orrery up --data /d\n"]);
  const known = await run(["status", "--data", "/my d"], { answers, processes, site: "/my site" });
  assert.equal(known.note, "nothing runs on /my d; start it with: orrery up --data '/my d' --site '/my site'\n");
});

test("an Update whose name is taken is refused with what to do", async (t) => {
  const cwd = writeManifests(t, "apiVersion: orrery.dev/v1\nkind: Update\nmetadata: {name: u}\nspec:\n  services: [{name: auth, to: v1}]\n");
  const taken = new OrreryError("store/exists", "Update u exists already");
  const answers = { [`GET ${SERVICES}`]: { items: [auth()] }, [`GET ${BASE}/revisions`]: REVISIONS, [`POST ${BASE}/updates`]: taken };
  const { status, note } = await run(["update", "-f", "a.yaml"], { cwd, answers });
  assert.equal(status, 1);
  assert.match(note, /^error: update u exists already, .* another name, .*orrery update show u; .*orrery delete update u\n$/);
});

test("shares of a ramp that are none are told once, with how a share is written", async (t) => {
  const faults = async (shares: string): Promise<string> => {
    const steps = shares.split(" ").map((share) => `{share: ${share}}`);
    const cwd = writeManifests(
      t,
      `apiVersion: orrery.dev/v1\nkind: Update\nmetadata: {name: u}\nspec:\n  services: [{name: auth, to: v1}]\n  ramp: {steps: [${steps}]}\n`,
    );
    return (await run(["validate", "-f", "a.yaml"], { cwd })).out;
  };
  for (const share of ["-0.5", "0", "50"])
    assert.equal(
      await faults(`${share} 0.5`),
      `a.yaml:6: Update u: spec.ramp.steps[0].share: found ${share}; allowed: a share above 0, and 1 at most, as in 0.5 for 50 %\n`,
    );
  assert.match(await faults("0.5 50 0.1"), /must rise/);
  assert.match(await faults("0.5 0.5"), /must rise/);
});

test("status warns of whatever condition is not as it should be", async () => {
  const since = "2030-01-01T00:00:00Z";
  const conditions = [
    { type: "Ready", status: "True", reason: "Ready", message: "2 of 2", lastTransitionTime: since },
    {
      type: "PropagatesTrace",
      status: "False",
      reason: "CallsWithoutContext",
      message: "it calls without a trace header",
      lastTransitionTime: since,
    },
    { type: "Diverged", status: "False", reason: "AsWanted", message: "", lastTransitionTime: since },
  ];
  const lists = ["sites", "microservices", "instances", "resources", "jobs", "routes"].map(
    (plural) => `/apis/orrery.dev/v1/namespaces/default/${plural}`,
  );
  const answers = {
    ...Object.fromEntries([...lists, "/apis/orrery.dev/v1/hosts", "/apis/orrery.dev/v1/gateways"].map((path) => [`GET ${path}`, { items: [] }])),
    "GET /live/hosts": { items: [] },
    "GET /live/instances": { items: [] },
    [`GET ${SERVICES}`]: { items: [{ ...auth(), status: { conditions } }] },
  };
  const { out, note } = await run(["status"], { answers, processes: [{ name: "centre", pid: 1, ready: true, restarts: 0 }] });
  assert.equal(note.includes("API"), false, note);
  assert.match(out, /WARNING +OBJECT +SINCE +REASON\nCallsWithoutContext +microservice\/auth +1m +it calls without a trace header\n/);
  assert.ok(!out.includes("AsWanted"));
});

test("a centre that was stopped by a signal is told at once, with what lets it go on: status asks it nothing, other commands wait for it", async () => {
  const processes = (["supervisor", "centre"] as const).map((name) => ({
    name,
    pid: 4711,
    restarts: 0,
    ...(name === "centre" ? { ready: false, phase: "Paused" } : { ready: true }),
  }));
  const why = "the centre was stopped by a signal (SIGSTOP, Ctrl-Z) or a debugger; it goes on after: kill -CONT 4711";
  const requests: ClientRequest[] = [];
  const seen = await run(["status"], { processes, requests });
  assert.deepEqual([seen.status, requests], [1, []]);
  assert.ok(seen.note.includes(`the API does not answer: ${why}\n`), seen.note);
  for (const args of [
    ["scale", "auth", "3"],
    ["get", "microservices"],
    ["restart", "auth"],
  ]) {
    const { note } = await run(args, { processes, answers: { [`GET ${SERVICES}`]: { items: [] } } });
    assert.ok(note.startsWith(`${why}\n`), note);
  }
});

test("status tells of a glass that was broken until another has looked, and not of one that was looked at", async () => {
  for (const [status, isTold] of [
    ["True", true],
    ["False", false],
  ] as const) {
    const broken = {
      type: "BrokenGlass",
      status,
      reason: "Unreviewed",
      message: "anna: stop of antenna",
      lastTransitionTime: "2030-01-01T00:00:30Z",
    };
    const answers = {
      [`GET ${BASE}/sites`]: { items: [{ kind: "Site", metadata: { name: "site" }, status: { conditions: [broken] } }] },
      ...Object.fromEntries(["microservices", "instances", "resources", "jobs", "routes"].map((kind) => [`GET ${BASE}/${kind}`, { items: [] }])),
      ...Object.fromEntries(["hosts", "gateways"].map((kind) => [`GET /apis/orrery.dev/v1/${kind}`, { items: [] }])),
      "GET /live/hosts": { items: [] },
      "GET /live/instances": { items: [] },
    };
    const { out, note } = await run(["status"], { answers, processes: [{ name: "centre", pid: 1, ready: true, restarts: 0 }] });
    assert.equal(out.includes("anna: stop of antenna"), isTold, out + note);
  }
});

test("status has a line for each warning of the platform, before those of the site, and so has -o json", async () => {
  const warnings = ["Stopping", "Ended", "Faults", "Paused", "DiskLow", "DiskFull"].map((reason) => ({
    object: "platform",
    type: "Running",
    reason,
    message: `why ${reason}`,
    since: "2030-01-01T00:00:00Z",
  }));
  const site = {
    kind: "Site",
    metadata: { name: "main" },
    status: {
      conditions: [{ type: "Consistent", status: "False", reason: "Mixed", message: "two versions", lastTransitionTime: "2030-01-01T00:00:30Z" }],
    },
  };
  const lists = [host, microservice, instance, resource, job, gateway, route].map((kind) => [`GET ${objectPath(kind)}`, { items: [] }]);
  const answers = { ...Object.fromEntries(lists), [`GET ${BASE}/sites`]: { items: [site] } };
  const processes: readonly PlatformProcess[] = [{ name: "supervisor", pid: 1, ready: true, restarts: 0 }];
  const { out, note } = await run(["status"], { answers, warnings, processes, columns: 200 });
  assert.equal(note, "");
  const lines = out.split("\n");
  const from = lines.findIndex((line) => line.startsWith("WARNING "));
  assert.deepEqual(
    lines.slice(from + 1, from + 8).map((line) => line.split(/ {2,}/)),
    [...warnings.map(({ reason, message }) => [reason, "platform", "1m", message]), ["Mixed", "site/main", "30s", "two versions"]],
  );
  const told = JSON.parse((await run(["status", "-o", "json"], { answers, warnings, processes })).out) as { readonly warnings: readonly object[] };
  assert.deepEqual(told.warnings.slice(0, 6), warnings);
});

test("what is waited for is counted, and only the first of many are named at each look", async () => {
  const progress: string[] = [];
  const items = Array.from({ length: 50 }, (_, index) => ({ ...auth(), metadata: { ...auth().metadata, name: `s${index}` } }));
  const manifests = items.map(({ spec: _, ...one }) => ({ ...one, metadata: { name: one.metadata.name }, spec: { template: auth().spec.template } }));
  const patched = Object.fromEntries(items.map((one) => [`PATCH ${SERVICES}/${one.metadata.name}`, one]));
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-many-"));
  writeFileSync(path.join(folder, "a.json"), JSON.stringify({ kind: "List", items: manifests }));
  const ending = new AbortController();
  const clock = new ManualClock();
  const running = run(["apply", "-f", path.join(folder, "a.json"), "--wait"], {
    answers: { [`GET ${SERVICES}`]: { items }, ...patched },
    progress,
    clock,
    signal: ending.signal,
  });
  while (progress.length === 0) await new Promise((resolve) => setImmediate(resolve));
  ending.abort();
  await running;
  rmSync(folder, { recursive: true });
  assert.deepEqual(progress, ["waiting: 0 of 50 ready; s0 Unknown, s1 Unknown, s2 Unknown, s3 Unknown, s4 Unknown and 45 more"]);
});

test("apply --wait of a service that a person has stopped says that nothing of it is served", async () => {
  const stopped = { ...auth({ suspended: true }), status: { conditions: [{ type: "Ready", status: "False", reason: "Suspended", message: "" }] } };
  const { status, note } = await run(["apply", "-f", "-", "--wait"], {
    input: JSON.stringify({
      apiVersion: "orrery.dev/v1",
      kind: "Microservice",
      metadata: { name: "auth" },
      spec: { template: auth().spec.template },
    }),
    answers: { [`PATCH ${SERVICES}/auth`]: stopped, [`GET ${SERVICES}`]: { items: [stopped] }, [`GET ${BASE}/instances`]: { items: [] } },
  });
  assert.deepEqual([status, note], [0, "microservice auth is stopped, and stays so: nothing of it is served until: orrery start auth\n"]);
});

test("restart --wait of a service that is stopped or scaled to 0 meanwhile says so and fails", async () => {
  for (const [fields, said] of [
    [{ suspended: true }, "auth: it was stopped meanwhile: nothing of it runs\n"],
    [{ replicas: 0 }, "auth: it was scaled to 0 meanwhile: nothing of it runs\n"],
  ] as const) {
    const { status, note } = await run(["restart", "auth", "--wait"], {
      answers: {
        [`GET ${SERVICES}/auth`]: new Sequence(auth(), auth(fields)),
        [`PATCH ${SERVICES}/auth`]: auth(),
        [`GET ${BASE}/instances`]: { items: [] },
      },
    });
    assert.deepEqual([status, note], [1, said]);
  }
});

test("restore into a folder of another user says so, whatever is wrong with the file, and whatever runs", async () => {
  const { status, note } = await run(["restore", "/no/such/file"], {
    owner: "anna",
    processes: [{ name: "centre", pid: 1, ready: true, restarts: 0 }],
  });
  assert.deepEqual([status, note], [1, "error: the data folder /work/.orrery belongs to user anna\n"]);
});

test("secrets shows the values of one object as a table, and says where there are none", async () => {
  const path = "/apis/orrery.dev/v1/namespaces/default/microservices";
  const answers = {
    [`GET ${path}/auth/secrets`]: { items: [{ field: "spec.template.env[KEY]", name: "KEY", value: "hu\nsh" }] },
    [`GET ${path}/portal/secrets`]: { items: [] },
  };
  const { out, note, status } = await run(["secrets", "ms/auth", "ms/portal"], { answers });
  assert.match(out, /^FIELD +VALUE\nspec\.template\.env\[KEY\] +hu.*sh\n$/);
  assert.match(note, /microservice portal has no secrets/);
  assert.equal(status, 0);
  assert.match((await run(["secrets", "ms"], { answers })).note, /name whose secrets/);
});
