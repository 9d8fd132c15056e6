import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { auth, BASE, REVISIONS, type Run, run, SERVICES, Sequence, writeManifests } from "../rig.ts";

const made = (name: string): object => ({ metadata: { name }, spec: { services: [{ name: "auth", to: "v1" }] } });
const refused = new OrreryError("api/forbidden", "it is forbidden");

/** `orrery update -f` with the Updates one, two and a third that is named by the centre; `posted`: answers of the centre, one after the other. */
async function fromFile(t: TestContext, ...posted: unknown[]): Promise<Run & { readonly asked: readonly string[] }> {
  const manifest = (metadata: string): string =>
    `apiVersion: orrery.dev/v1\nkind: Update\nmetadata: {${metadata}}\nspec: {services: [{name: auth, to: v1}]}\n`;
  const cwd = writeManifests(t, ["name: one", "name: two", "generateName: more-"].map(manifest).join("---\n"));
  const requests: ClientRequest[] = [];
  const answers = {
    [`GET ${SERVICES}`]: { items: [auth()] },
    [`GET ${BASE}/revisions`]: REVISIONS,
    [`POST ${BASE}/updates`]: new Sequence(...posted),
  };
  const done = await run(["update", "-f", "a.yaml", "--no-wait"], { cwd, answers, requests });
  const asked = requests.filter((one) => one.method === "POST").map((one) => (one.query?.["dryRun"] === "All" ? "looked at" : "made"));
  return { ...done, asked };
}

const ALL = ["looked at", "looked at", "looked at"];
const DRY = [made("one"), made("two"), made("more-a")];

test("of several Updates none is made before all were looked at", async (t) => {
  const { status, out, asked } = await fromFile(t, ...DRY, ...DRY);
  assert.deepEqual([status, asked], [0, [...ALL, "made", "made", "made"]]);
  assert.equal(out, "update one: auth to v1\nupdate two: auth to v1\nupdate more-a: auth to v1\n");
});

test("of several Updates none is made where the centre would refuse one, and the message says which", async (t) => {
  const last = await fromFile(t, made("one"), made("two"), refused);
  assert.deepEqual([last.status, last.asked, last.out], [1, ALL, ""]);
  assert.equal(last.note, "error: more-… (3 of 3): it is forbidden; none of the 3 updates is made\n");
  const taken = await fromFile(t, made("one"), new OrreryError("store/exists", "Update two exists already"));
  assert.match(taken.note, /^error: two: update two exists already, .*; none of the 3 updates is made\n$/);
});

test("where one of several Updates is refused after it was looked at, the message says which are made and which not", async (t) => {
  const second = await fromFile(t, ...DRY, made("one"), refused);
  assert.deepEqual([second.status, second.asked], [1, [...ALL, "made", "made"]]);
  assert.equal(second.note, "error: two: it is forbidden; made: one; not made: two, more-… (3 of 3); see: orrery get updates\n");
  const away = new OrreryError("client/unavailable", "the connection was lost", { retry: "backoff" });
  const unknown = await fromFile(t, ...DRY, made("one"), away);
  assert.equal(unknown.note, "error: two: the connection was lost; made: one; not known: two; not made: more-… (3 of 3); see: orrery get updates\n");
});
