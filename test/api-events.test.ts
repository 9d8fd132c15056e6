import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { STORED_KINDS } from "#/apps/centre/parts.ts";
import { isOrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Event, resource } from "#/model/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openApiSite } from "./api-site.ts";

const CORE = "/api/v1/namespaces/default/events";
const NEW = "/apis/events.k8s.io/v1/namespaces/default/events";
const STRATEGIC = "application/strategic-merge-patch+json";
/** As client-go's recorder makes it. */
const recorded = (name: string, more: object = {}) => ({
  kind: "Event",
  apiVersion: "v1",
  metadata: { name, namespace: "default", creationTimestamp: null, annotations: { by: "test" } },
  involvedObject: { kind: "Pod", namespace: "default", name: "web-1", uid: "u-1", apiVersion: "v1", resourceVersion: "7", fieldPath: "spec" },
  reason: "Pulled",
  message: "Container image pulled",
  source: { component: "my-controller", host: "h" },
  firstTimestamp: "2030-01-01T00:00:00Z",
  lastTimestamp: "2030-01-01T00:00:00Z",
  count: 1,
  type: "Normal",
  eventTime: null,
  reportingComponent: "my-controller",
  reportingInstance: "",
  ...more,
});

const thing = (name: string) => ({ metadata: { name }, spec: { id: name, type: "thing" } });

async function codeOf(client: Client, request: ClientRequest): Promise<string> {
  try {
    return String((await client.request(request)).status);
  } catch (error) {
    return isOrreryError(error) ? error.code : String(error);
  }
}

describe("Events of clients", () => {
  it("are created and patched as client-go's recorder does it, and outlive the process", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    const made = (await client.request({ method: "POST", path: CORE, body: recorded("web-1.17a") })).body as Event;
    assert.deepEqual([made.metadata.name, made.count, made.involvedObject.kind, made.metadata.annotations], ["web-1.17a", 1, "Pod", { by: "test" }]);
    const patched = (
      await client.request({
        method: "PATCH",
        path: `${CORE}/web-1.17a`,
        contentType: STRATEGIC,
        body: { count: 2, lastTimestamp: "2030-01-01T00:01:00Z", message: "Container image pulled again" },
      })
    ).body as Event;
    assert.deepEqual([patched.count, patched.firstTimestamp, patched.lastTimestamp], [2, "2030-01-01T00:00:00Z", "2030-01-01T00:01:00Z"]);
    assert.ok(Number(patched.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
    const again = await openTreeStore({ tree: site.tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    t.after(() => again.close());
    assert.deepEqual(await again.events(), [patched]);
  });

  it("are told in both groups under their own names, listed and watched", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    const watched = client.lines({ path: NEW, query: { watch: "true", fieldSelector: "regarding.name=web-2" } })[Symbol.asyncIterator]();
    const first = watched.next();
    const event = {
      metadata: { name: "web-2.1", namespace: "default" },
      eventTime: "2030-01-01T00:00:00.000001Z",
      reportingController: "example.org/ctl",
      reportingInstance: "ctl-0",
      action: "Pulling",
      reason: "Pulled",
      regarding: { kind: "Pod", name: "web-2", namespace: "default" },
      note: "pulled",
      type: "Warning",
    };
    await client.request({ method: "POST", path: NEW, body: event });
    await client.request({
      method: "PATCH",
      path: `${NEW}/web-2.1`,
      contentType: STRATEGIC,
      body: { series: { count: 5, lastObservedTime: "2030-01-01T00:09:00.000000Z" } },
    });
    const core = (await client.request({ path: `${CORE}/web-2.1` })).body as Event;
    assert.deepEqual(
      [core.message, core.involvedObject.name, core.series?.count, core.source.component, core.reportingComponent, core.type],
      ["pulled", "web-2", 5, "example.org/ctl", "example.org/ctl", "Warning"],
    );
    const listed = (await client.request({ path: NEW, query: { fieldSelector: "regarding.name=web-2" } })).body as {
      readonly items: readonly { readonly note: string; readonly apiVersion: string; readonly kind: string }[];
    };
    assert.deepEqual(
      listed.items.map(({ note, apiVersion, kind }) => [note, apiVersion, kind]),
      [["pulled", "events.k8s.io/v1", "Event"]],
    );
    assert.equal(JSON.parse((await first).value).object.note, "pulled");
    await watched.return?.();
  });

  it("are deleted one by one and by selectors, in both groups, together with our own, and stay away", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    for (const [name, app] of [
      ["one", "a"],
      ["two", "a"],
      ["three", "b"],
      ["four", "b"],
    ] as const)
      await client.request({ method: "POST", path: CORE, body: { ...recorded(name), metadata: { name, labels: { app } } } });
    const own = {
      kind: resource,
      object: await site.store.create(resource, thing("dish")),
      type: "Normal",
      reason: "Moved",
      message: "m",
      component: "c",
    } as const;
    site.store.emit(own);
    const names = async (query = {}): Promise<readonly string[]> =>
      ((await client.request({ path: CORE, query })).body as { readonly items: readonly Event[] }).items.map(({ metadata }) => metadata.name).sort();
    assert.deepEqual([await names({ labelSelector: "app=a" }), (await names()).length], [["one", "two"], 5]);
    await client.request({ method: "DELETE", path: `${CORE}/one`, query: { dryRun: "All" } });
    assert.equal((await names()).length, 5);
    const watched = client.lines({ path: CORE, query: { watch: "true", fieldSelector: "metadata.name=one" } })[Symbol.asyncIterator]();
    assert.equal(JSON.parse((await watched.next()).value).type, "ADDED");
    const { status, body } = await client.request({ method: "DELETE", path: `${NEW}/one` });
    assert.deepEqual([status, (body as { kind: string; status: string }).status], [200, "Success"]);
    assert.equal(JSON.parse((await watched.next()).value).type, "DELETED");
    await watched.return?.();
    assert.equal(await codeOf(client, { method: "DELETE", path: `${CORE}/one` }), "store/missing");
    await client.request({ method: "DELETE", path: CORE, query: { labelSelector: "app=b" } });
    // Our own may not have been written yet.
    await client.request({ method: "DELETE", path: NEW, query: { fieldSelector: "regarding.name=dish" } });
    assert.deepEqual(await names(), ["two"]);
    // What comes again is new, and not added to what is gone; and a name may be taken again.
    site.store.emit(own);
    await client.request({ method: "POST", path: CORE, body: recorded("one") });
    const again = await openTreeStore({ tree: site.tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    t.after(() => again.close());
    assert.deepEqual((await again.events()).map(({ metadata }) => metadata.name).sort(), ["one", "two"]);
    assert.deepEqual(
      (await site.store.events({ fieldSelector: "involvedObject.name=dish" })).map(({ count }) => count),
      [1],
    );
  });

  it("are refused where they say nothing that could be kept, and never lost to each other", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    await client.request({ method: "POST", path: CORE, body: recorded("one") });
    for (const [request, code] of [
      [{ method: "POST", path: CORE, body: recorded("one") }, "store/exists"],
      [{ method: "POST", path: CORE, body: recorded("../one") }, "store/invalid"],
      [{ method: "POST", path: CORE, body: recorded("two", { involvedObject: {} }) }, "store/invalid"],
      [{ method: "POST", path: CORE, body: recorded("two", { type: "Loud" }) }, "store/invalid"],
      [{ method: "POST", path: CORE, body: recorded("two", { count: -1 }) }, "store/invalid"],
      [{ method: "POST", path: CORE, body: recorded("two", { message: "x".repeat(17_000) }) }, "store/invalid"],
      [{ method: "POST", path: CORE.replace("default", "other"), body: { ...recorded("two"), metadata: { name: "two" } } }, "store/missing"],
      [{ method: "PATCH", path: `${CORE}/none`, contentType: STRATEGIC, body: { count: 2 } }, "store/missing"],
      [{ method: "PATCH", path: `${CORE}/one`, contentType: STRATEGIC, body: { $patch: "replace" } }, "api/media-type"],
      [
        { method: "PATCH", path: `${CORE}/one`, contentType: "application/merge-patch+json", body: { metadata: { resourceVersion: "1" } } },
        "store/conflict",
      ],
      [{ method: "PUT", path: `${CORE}/one`, body: recorded("other") }, "api/bad-request"],
      [{ method: "DELETE", path: `${CORE}/none` }, "store/missing"],
      [{ method: "DELETE", path: `${CORE.replace("default", "other")}/one` }, "store/missing"],
      [{ method: "DELETE", path: `${CORE}/one`, body: { preconditions: { uid: "other" } } }, "store/conflict"],
      [{ method: "DELETE", path: `${CORE}/one`, body: { dryRun: "All" } }, "api/bad-request"],
      [{ method: "DELETE", path: "/api/v1/events/one" }, "api/missing"],
      [{ method: "PATCH", path: `${CORE}/one`, contentType: "application/merge-patch+json", body: { metadata: { name: null } } }, "store/invalid"],
      [
        { method: "PATCH", path: `${CORE}/one`, contentType: "application/json-patch+json", body: [{ op: "remove", path: "/kind" }] },
        "store/invalid",
      ],
    ] as const)
      assert.equal(await codeOf(client, request as ClientRequest), code, JSON.stringify(request).slice(0, 200));
    assert.equal(await codeOf(site.client("viewer"), { method: "POST", path: CORE, body: recorded("three") }), "api/forbidden");
    assert.equal(await codeOf(site.client("viewer"), { method: "DELETE", path: `${CORE}/one` }), "api/forbidden");
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        client.request({ method: "PATCH", path: `${CORE}/one`, contentType: STRATEGIC, body: { metadata: { labels: { [`l${index}`]: "x" } } } }),
      ),
    );
    assert.equal(Object.keys(((await client.request({ path: `${CORE}/one` })).body as Event).metadata.labels ?? {}).length, 30);
  });

  it("are bounded in number and push out none of our own; a name that was pushed out can be made again", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    const service = { kind: "Site", metadata: { name: "default", uid: "s" } };
    await client.request({
      method: "POST",
      path: CORE,
      body: {
        involvedObject: { kind: "Site", ...service.metadata, apiVersion: "orrery.dev/v1" },
        type: "Warning",
        reason: "Ours",
        message: "m",
        source: { component: "centre" },
      },
    });
    for (let from = 0; from < 2_100; from += 300)
      await Promise.all(
        Array.from({ length: 300 }, (_, index) => client.request({ method: "POST", path: CORE, body: recorded(`e-${from + index}`) })),
      );
    const all = await site.store.events();
    assert.deepEqual([all.length, all.filter(({ reason }) => reason === "Ours").length], [2_001, 1]);
    assert.equal(await codeOf(client, { method: "PATCH", path: `${CORE}/e-0`, contentType: STRATEGIC, body: { count: 2 } }), "store/missing");
    assert.equal(await codeOf(client, { method: "POST", path: CORE, body: recorded("e-0") }), "201");
    await site.store.close();
    const again = await openTreeStore({ tree: site.tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    t.after(() => again.close());
    const kept = await again.events();
    assert.deepEqual([kept.length, kept.filter(({ metadata }) => metadata.name === "e-0").length], [2_001, 1]);
  });
});
