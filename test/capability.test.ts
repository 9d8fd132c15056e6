/** The recipe docs/recipes/add-a-capability.md: a kind, a controller, a path and a command in one folder, and one line for each process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { CENTRE_PARTS } from "#/apps/centre/parts.ts";
import { CLI_PARTS } from "#/apps/cli-parts.ts";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Run, run } from "#/face/cli/rig.ts";
import { API_GROUP, type Kind } from "#/model/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { servedKinds } from "#/state/reconcile/index.ts";
import { patience } from "../tools/patience.ts";
import { notesCli } from "./capability/cli.ts";

interface Centre {
  readonly folder: string;
  client(user?: string): Client;
  orrery(...args: string[]): Promise<Run>;
  /** Reads until what is read is as wanted. */
  until<T>(read: () => Promise<T>, isSo: (value: T) => boolean): Promise<T>;
}

/** A centre of its own, with the capability; started again when it ends in order, as a supervisor does. */
async function startCentre(t: TestContext): Promise<Centre> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-capability-"));
  const data = path.join(folder, "data");
  for (const name of ["state", "run", "logs"]) mkdirSync(path.join(data, name), { recursive: true });
  const program = path.join(import.meta.dirname, "capability/centre.ts");
  let child = spawn(process.execPath, [program, "--data", data, "--identity", "capability-test", "--site", folder], { stdio: "ignore" });
  let isOver = false;
  const keep = async (): Promise<void> => {
    while (!isOver) {
      const [code] = (await once(child, "exit")) as [number | null];
      if (!isOver && code === 0)
        child = spawn(process.execPath, [program, "--data", data, "--identity", "capability-test", "--site", folder], { stdio: "ignore" });
      else return;
    }
  };
  const kept = keep();
  const clients: Client[] = [];
  t.after(async () => {
    isOver = true;
    await Promise.all(clients.map((one) => one.close()));
    child.kill("SIGTERM");
    await kept;
    rmSync(folder, { recursive: true, force: true });
  });
  const until: Centre["until"] = async (read, isSo) => {
    const deadlineMs = Date.now() + 30_000 * patience();
    for (;;) {
      const value = await read().catch((error: unknown) => {
        if (Date.now() > deadlineMs) throw error;
        return undefined;
      });
      if (value !== undefined && isSo(value)) return value;
      if (Date.now() > deadlineMs) assert.fail(`it has not come about: ${JSON.stringify(value)}`);
      await wait(50);
    }
  };
  const file = (...names: string[]): string => readFileSync(path.join(data, ...names), "utf8");
  const client = (user = "admin"): Client => {
    const { url } = JSON.parse(file("run", "centre.json")) as { readonly url: string };
    const made = createClient({
      url,
      ca: file("pki", "ca.crt"),
      token: file("tokens", user).trim(),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      userAgent: "test",
    });
    clients.push(made);
    return made;
  };
  await until(
    async () => (await client().request({ path: "/readyz" })).status,
    (status) => status === 200,
  );
  return { folder, client, until, orrery: (...args) => run(args, { parts: [...CLI_PARTS, notesCli], client, clock: systemClock, cwd: folder }) };
}

test("a capability brings its kind, its controller, its paths, its figures and its command; a site may do without it", async (t) => {
  const { folder, client, orrery, until } = await startCentre(t);
  writeFileSync(
    path.join(folder, "note.yaml"),
    "apiVersion: orrery.dev/v1\nkind: Note\nmetadata: {name: night}\nspec: {text: the dish squeaks at 30 degrees}\n",
  );
  assert.equal((await orrery("validate", "-f", "note.yaml")).status, 0);
  assert.equal((await orrery("apply", "-f", "note.yaml")).out, "note night: created\n");
  const api = client();
  await until(
    async () => (await api.request({ path: "/apis/orrery.dev/v1/namespaces/default/notes/night" })).body as { status?: { words?: number } },
    ({ status }) => status?.words === 6,
  );
  assert.match((await orrery("get", "nt")).out, /^NAME +TEXT +WORDS.*\nnight +the dish squeaks at 30 degrees +6/);
  assert.equal((await orrery("note")).out, "1 notes\n");
  assert.match((await orrery("--help")).out, /note +Count the notes/);
  assert.match((await orrery("crds", "notes")).out, /name: notes\.orrery\.dev/);
  assert.match(String((await api.request({ path: "/metrics" })).body), /^orrery_notes 1$/m);

  const greet = (one: Client, body: object) => one.request({ method: "POST", path: "/notes/greeting", body });
  assert.deepEqual((await greet(api, { name: "anna" })).body, { hello: "anna" });
  assert.deepEqual(((await api.request({ path: "/live/greetings/anna" })).body as { value: unknown }).value, { hello: "anna" });
  await assert.rejects(greet(api, {}), { code: "api/bad-request" });
  await assert.rejects(greet(client("viewer"), { name: "eve" }), { code: "api/forbidden" });
  assert.deepEqual((await client("viewer").request({ path: "/notes/count" })).body, { notes: 1 });
  await assert.rejects(api.request({ method: "POST", path: "/notes/count" }), { code: "api/method" });

  writeFileSync(path.join(folder, "site.yaml"), "apiVersion: orrery.dev/v1\nkind: Site\nmetadata: {name: site}\nspec: {without: [notes]}\n");
  assert.match((await orrery("apply", "-f", "site.yaml")).note, /spec\.without\[0\]: there are 1 notes; delete them first: orrery get notes/);
  assert.equal((await orrery("delete", "note", "night")).status, 0);
  assert.equal((await orrery("apply", "-f", "site.yaml")).status, 0);
  const gone = await until(
    () => orrery("get", "notes"),
    ({ note }) => note.includes("does without"),
  );
  assert.match(gone.note, /there are no notes here: this site does without notes/);
  await assert.rejects(client().request({ path: "/live/greetings" }), { code: "api/left-out" });
  assert.doesNotMatch(String((await client().request({ path: "/metrics" })).body), /orrery_notes/);
  assert.doesNotMatch(JSON.stringify((await client().request({ path: "/apis/orrery.dev/v1" })).body), /"notes"/);
});

test("centre and command line have the same parts and kinds", () => {
  const namesOf = (kinds: readonly Kind[]): string[] => kinds.map(({ kind }) => kind).toSorted();
  assert.deepEqual(namesOf(CLI_PARTS.flatMap(({ kinds }) => kinds)), namesOf(servedKinds(CENTRE_PARTS).filter(({ group }) => group === API_GROUP)));
});
