import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog, systemClock } from "#/base/index.ts";
import { openEmbeddedSeries } from "#/watch/series/embedded/index.ts";
import { METRIC_NAME } from "#/watch/series/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

interface Told {
  readonly status: number;
  readonly body: {
    readonly status: string;
    readonly errorType?: string;
    readonly error?: string;
    readonly data?: { readonly resultType: string; readonly result: unknown } & Readonly<Record<string, unknown>>;
  };
}

const NOW_S = Math.floor(Date.now() / 1_000);

async function openSite(context: TestContext): Promise<{ readonly ask: (path: string, form?: string) => Promise<Told>; readonly site: ApiSite }> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-series-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const series = openEmbeddedSeries({ folder, clock: systemClock, log: silentLog });
  context.after(() => series.close());
  const metadata = { host_load: { type: "gauge", help: "Load", unit: "" } } as const;
  for (const host of ["a", "b"])
    await series.append({
      source: `host/${host}`,
      samples: Array.from({ length: 20 }, (_, index) => ({
        labels: { [METRIC_NAME]: "host_load", host },
        atMs: (NOW_S - (19 - index) * 15) * 1_000,
        value: index,
      })),
      metadata,
    });
  const site = await openApiSite(context, { api: { series } });
  const ask = async (at: string, form?: string): Promise<Told> => {
    const asked = request(`${site.url}/prometheus/api/v1/${at}`, {
      method: form === undefined ? "GET" : "POST",
      ca: site.ca,
      agent: false,
      headers: {
        authorization: `Bearer ${site.token("viewer")}`,
        ...(form !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
      },
    });
    asked.end(form);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const text = Buffer.concat((await response.toArray()) as Buffer[]).toString("utf8");
    return { status: response.statusCode ?? 0, body: JSON.parse(text) as Told["body"] };
  };
  return { ask, site };
}

test("what Grafana asks a Prometheus is answered as by one", async (context) => {
  const { ask, site } = await openSite(context);
  // Its test of a data source, and what it looks at to know what it may ask.
  const one = await ask("query", "query=1%2B1&time=1700000000.123");
  assert.deepEqual([one.status, one.body.data?.resultType, one.body.data?.result], [200, "scalar", [1_700_000_000.123, "2"]]);
  assert.equal(((await ask("status/buildinfo")).body.data as unknown as { readonly version: string }).version.split(".")[0], "3");
  for (const missing of ["rules", "alerts", "query_exemplars?query=up", "status/config", "targets"]) {
    const { status, body } = await ask(missing);
    assert.deepEqual([status, body.status, body.errorType], [404, "error", "not_found"], missing);
  }
  // A panel, as a form.
  const panel = await ask(
    "query_range",
    `query=${encodeURIComponent('avg by (host) (host_load{host=~"a|b"})')}&start=${NOW_S - 60}&end=${NOW_S}&step=15`,
  );
  assert.equal(panel.body.data?.resultType, "matrix");
  assert.deepEqual(panel.body.data?.result, [
    { metric: { host: "a" }, values: [15, 16, 17, 18, 19].map((value, index) => [NOW_S - 60 + index * 15, String(value)]) },
    { metric: { host: "b" }, values: [15, 16, 17, 18, 19].map((value, index) => [NOW_S - 60 + index * 15, String(value)]) },
  ]);
  assert.equal(panel.body.data?.["resolution"], "raw");
  // The builder of queries, and variables.
  assert.deepEqual((await ask("labels", "start=0")).body.data, [METRIC_NAME, "host"]);
  assert.deepEqual((await ask(`label/host/values?match[]=${encodeURIComponent("host_load")}&start=${NOW_S - 900}&end=${NOW_S}`)).body.data, [
    "a",
    "b",
  ]);
  assert.deepEqual((await ask(`label/${METRIC_NAME}/values`)).body.data, ["host_load"]);
  assert.deepEqual((await ask(`series`, `match[]=${encodeURIComponent('host_load{host="a"}')}&limit=10`)).body.data, [
    { [METRIC_NAME]: "host_load", host: "a" },
  ]);
  assert.deepEqual((await ask("metadata")).body.data, { host_load: [{ type: "gauge", help: "Load", unit: "" }] });
  // A question changes nothing, whatever its method: it is no line of the audit.
  const { items } = (await site.client().request({ path: "/audit" })).body as { readonly items: readonly { readonly action?: string }[] };
  assert.ok(
    items.every(({ action }) => action !== "prometheus"),
    JSON.stringify(items),
  );
});

test("what cannot be answered is told in Prometheus' form, with the field or the name", async (context) => {
  const { ask } = await openSite(context);
  const refused: readonly (readonly [string, number, string, RegExp])[] = [
    ["query?query=sum(", 400, "bad_data", /ends too early/],
    ["query", 400, "bad_data", /query: nothing was given/],
    ["query?query=up&time=yesterday", 400, "bad_data", /time: found "yesterday"/],
    ["query?query=info(up)", 422, "execution", /info\(\) is not evaluated here/],
    [`query_range?query=up&start=0&end=${NOW_S}&step=1`, 400, "bad_data", /11000 steps/],
    ["query_range?query=up&start=0&end=1&step=0", 400, "bad_data", /step: found "0"/],
    ["query_range?query=up&end=1&step=1", 400, "bad_data", /start/],
    ["query_range?query=up&start=5&end=1&step=1", 400, "bad_data", /the end is not before the start/],
    ["series", 400, "bad_data", /match\[\]/],
    ["series?match[]=sum(up)", 400, "bad_data", /a selector/],
    ["series?match[]=%7Ba%3D%22%22%7D", 400, "bad_data", /at least one matcher/],
    ["labels?limit=many", 400, "bad_data", /limit/],
  ];
  for (const [at, status, errorType, words] of refused) {
    const told = await ask(at);
    assert.deepEqual([told.status, told.body.status, told.body.errorType], [status, "error", errorType], `${at} ${told.body.error}`);
    assert.match(told.body.error ?? "", words, at);
  }
  const other = await ask("query", "{}");
  assert.equal(other.body.errorType, "bad_data");
});
