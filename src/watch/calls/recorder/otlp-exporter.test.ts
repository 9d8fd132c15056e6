import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { silentLog, systemClock } from "#/base/index.ts";
import type { CallRecord } from "../core/record.ts";
import { toOtlp } from "./otlp.ts";
import { OtlpExporter } from "./otlp-exporter.ts";

const TRACE = "6f720000000700010a44918d954ab1d1";
const record = (more: Partial<CallRecord> = {}): CallRecord => ({
  time: "2030-01-01T00:00:00.123Z",
  durationMs: 1.5,
  role: "host",
  method: "GET",
  host: "auth",
  path: "/login",
  status: 200,
  bytesOut: 7,
  traceId: TRACE,
  parent: "00000000000000aa",
  caller: "portal",
  callerInstance: "portal-0",
  service: "auth",
  instance: "auth-0",
  generation: 4,
  ...more,
});

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}
interface Body {
  readonly resourceSpans: readonly { readonly resource: object; readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

/** A backend that answers as it is told, and keeps what it took. */
async function startBackend(answers: (number | { readonly status: number; readonly after: number })[]) {
  const taken: Span[] = [];
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      paths.push(`${request.method} ${request.url} ${request.headers["content-type"]}`);
      const answer = answers.shift() ?? 200;
      const status = typeof answer === "number" ? answer : answer.status;
      if (status === 200) {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
        taken.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)));
      }
      response.writeHead(status, typeof answer === "number" ? {} : { "retry-after": String(answer.after) }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, taken, paths };
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!isSo()) {
    assert.ok(Date.now() < endMs, "it has not come about");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function open(url: string): OtlpExporter {
  const exporter = new OtlpExporter({ url, host: "h1", clock: systemClock, log: silentLog });
  after(() => exporter.close());
  return exporter;
}

const line = (one: CallRecord): Uint8Array => Buffer.from(JSON.stringify(one));

test("a call is a span of its service, with the trace that services know, below the span that its caller passed on", () => {
  const { parent: _, ...rest } = record();
  const edge: CallRecord = {
    ...rest,
    role: "edge",
    caller: "",
    span: "00000000000000aa",
    service: "portal",
    status: 503,
    error: "gateway/no-instance",
  };
  const { traceId: __, ...untraced } = record();
  const body = toOtlp([record(), edge, untraced], "h1") as Body;
  assert.equal(body.resourceSpans.length, 2);
  const [inner, outer] = body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)) as [Span, Span];
  assert.equal(inner.traceId, TRACE);
  assert.equal(inner.parentSpanId, outer.spanId);
  assert.equal(outer.parentSpanId, undefined);
  assert.match(inner.spanId, /^[0-9a-f]{16}$/);
  assert.equal(inner.startTimeUnixNano, `${Date.parse("2030-01-01T00:00:00.123Z")}000000`);
  assert.equal(BigInt(inner.endTimeUnixNano) - BigInt(inner.startTimeUnixNano), 1_500_000n);
  assert.deepEqual([inner.status.code, outer.status.code], [undefined, 2]);
  assert.ok(inner.attributes.some(({ key, value }) => key === "orrery.caller" && JSON.stringify(value) === '{"stringValue":"portal"}'));
});

test("what the backend cannot take now is sent again, what it refuses is given up and counted, and all else arrives once", async () => {
  const { url, taken, paths } = await startBackend([{ status: 503, after: 1 }, 400]);
  const exporter = open(url);
  exporter.add(line(record({ path: "/refused" })));
  await until(() => exporter.figures().lost === 1);
  for (let index = 0; index < 1_200; index++) exporter.add(line(record({ path: `/${index}` })));
  await until(() => exporter.figures().sent === 1_200);
  assert.equal(taken.length, 1_200);
  assert.equal(paths.length, 5);
  assert.equal(paths[0], "POST /v1/traces application/json");
});

test("a backend that is away costs a bounded memory, and calls beyond it are counted as lost", () => {
  const exporter = open("http://127.0.0.1:1");
  for (let index = 0; index < 20_005; index++) exporter.add(line(record()));
  assert.deepEqual(exporter.figures(), { sent: 0, lost: 5, waiting: 20_000 });
});
