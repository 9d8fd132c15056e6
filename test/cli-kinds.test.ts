import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#/base/index.ts";
import { type Run, run } from "#/face/cli/rig.ts";
import { lease, resource } from "#/model/index.ts";
import { openApiSite } from "./api-site.ts";

test("get, describe and delete find every kind that the API serves, by each of its names", async (t) => {
  const site = await openApiSite(t);
  const dish = await site.store.create(resource, { metadata: { name: "dish" }, spec: { id: "dish", type: "thing" } });
  await site.store.create(lease, { metadata: { name: "leader" }, spec: { holderIdentity: "anna" } });
  site.store.emit({ kind: resource, object: dish, type: "Normal", reason: "Moved", message: "to the roof", component: "test" });
  const orrery = (...args: string[]): Promise<Run> => run(args, { client: () => site.client(), clock: systemClock });
  const { groups } = (await site.client().request({ path: "/apis" })).body as {
    readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
  };
  let kinds = 0;
  for (const version of ["/api/v1", ...groups.map((one) => `/apis/${one.preferredVersion.groupVersion}`)]) {
    const { resources } = (await site.client().request({ path: version })).body as {
      readonly resources: readonly {
        readonly name: string;
        readonly singularName: string;
        readonly kind: string;
        readonly shortNames?: readonly string[];
        readonly verbs: readonly string[];
      }[];
    };
    for (const { name, singularName, kind, shortNames = [], verbs } of resources) {
      if (!verbs.includes("list")) continue;
      kinds += 1;
      for (const word of [name, singularName, kind, ...shortNames]) {
        const { status, note } = await orrery("get", word);
        assert.ok(status === 0 && (note === "" || note === `no ${name}\n`), `${word}: ${note}`);
      }
    }
  }
  assert.ok(kinds >= 16, String(kinds));
  assert.match((await orrery("get", "leases")).out, /^NAME +HOLDER.*\nleader +anna/);
  assert.equal((await orrery("get", "lease", "leader", "-o", "name")).out, "lease.coordination.k8s.io/leader\n");
  assert.equal(JSON.parse((await orrery("get", "leases", "-o", "json")).out).items[0].apiVersion, "coordination.k8s.io/v1");
  assert.equal((await orrery("get", "ns", "-o", "name")).out, "namespace/default\n");
  assert.match((await orrery("describe", "lease/leader")).out, /^Name: +leader\nKind: +Lease\n[\s\S]*holderIdentity: anna/);
  const [event = ""] = (await orrery("get", "ev", "-o", "name")).out.split("\n");
  assert.match(event, /^event\/dish\./);
  assert.match((await orrery("describe", event)).out, /Kind: +Event\n[\s\S]*Fields:\n[\s\S]*reason: Moved\n/);
  assert.deepEqual(
    [(await orrery("delete", "lease", "leader")).out, (await orrery("get", "leases")).note],
    ["lease leader: deleted\n", "no leases\n"],
  );
  const { status, note } = await orrery("delete", "ns", "default");
  assert.deepEqual([status, /^error: delete is not served for namespaces/.test(note)], [1, true], note);
  assert.deepEqual([(await orrery("delete", event)).status, (await orrery("get", event)).status], [0, 1]);
  assert.match((await orrery("get", "leese")).note, /there is no kind "leese"; did you mean lease\?; kinds: .*leases, events, namespaces/);
  assert.equal((await orrery("crds", "leases")).status, 2);
});
