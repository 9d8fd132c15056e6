import assert from "node:assert/strict";
import { test } from "node:test";
import { job, type StoredObject, site } from "#/model/index.ts";
import { checkWithout, chooseParts, wantedParts } from "./chosen-parts.ts";
import { startCentre } from "./lead-rig.ts";
import { CENTRE_PARTS } from "./parts.ts";

const siteWithout = (...without: string[]) => ({ metadata: { name: "site" }, spec: { ...site.spec.parse({}), without } }) as unknown as StoredObject;
const names = (without: readonly string[]): string[] =>
  wantedParts(CENTRE_PARTS, { ...site.spec.parse({}), without: [...without] }).map((one) => one.name);

test("a site does without what it names, and never without what is essential", () => {
  assert.equal(wantedParts(CENTRE_PARTS, undefined).length, CENTRE_PARTS.length);
  assert.deepEqual(names(["jobs", "calls", "services", "nonsense"]), [
    "updates",
    "hosts",
    "routes",
    "resources",
    "services",
    "series",
    "figures",
    "call-records",
    "leases",
    "snmp",
    "alarms",
    "logs",
    "access",
    "login",
  ]);
});

test("a capability that is not there, that is essential, or of whose kinds there are objects, is not left out; the message says what may be", async () => {
  const { store } = await startCentre();
  await store.create(job, { metadata: { name: "nightly" }, spec: { template: { version: "v1", run: { command: ["true"] } } } });
  const check = (...without: string[]): Promise<void> => checkWithout(CENTRE_PARTS, store, siteWithout(...without));
  await check("calls", "leases");
  await assert.rejects(check("updates", "jbos", "jobs"), {
    code: "store/invalid",
    message:
      "spec.without[0]: no site works without updates; allowed: resources, jobs, calls, series, figures, call-records, leases, snmp, alarms, logs; spec.without[1]: there is no capability jbos; allowed: resources, jobs, calls, series, figures, call-records, leases, snmp, alarms, logs; spec.without[2]: there are 1 jobs; delete them first: orrery get jobs",
  });
});

test("a part of whose kinds there are objects runs though the Site would do without it: they were made after it had been looked", async () => {
  const { store } = await startCentre();
  await store.create(job, { metadata: { name: "nightly" }, spec: { template: { version: "v1", run: { command: ["true"] } } } });
  const { parts, kept } = await chooseParts(CENTRE_PARTS, store, { ...site.spec.parse({}), without: ["calls", "jobs", "nonsense", "services"] });
  assert.deepEqual(
    CENTRE_PARTS.filter((one) => !parts.includes(one)).map((one) => one.name),
    ["calls"],
  );
  assert.deepEqual([...kept], [["jobs", "there are 1 jobs; delete them first: orrery get jobs"]]);
});

test("every optional part can be left out, each alone and all together: the centre leads, and services become ready", async () => {
  const optional = CENTRE_PARTS.filter((one) => one.isEssential !== true).map((one) => one.name);
  for (const without of [...optional.map((name) => [name]), optional]) {
    const { apply, template, service } = await startCentre({ without });
    await apply("auth", { template: template("v1") });
    await service("auth", (one) => one.status?.readyReplicas === 1, `readiness without ${without.join(", ")}`);
  }
});
