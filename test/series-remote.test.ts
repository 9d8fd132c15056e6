import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { uncompress } from "snappyjs";
import { type Log, silentLog, systemClock } from "#/base/index.ts";
import { seriesConformance } from "#/watch/series/conformance.ts";
import { METRIC_NAME, type Sample } from "#/watch/series/index.ts";
import { openRemoteSeries } from "#/watch/series/remote/index.ts";
import {
  findPrometheus,
  findVictoriaMetrics,
  NO_PROMETHEUS,
  NO_VICTORIA_METRICS,
  type SeriesServer,
  startPrometheus,
  startVictoriaMetrics,
} from "./series-servers.ts";

const programs = [
  { name: "Prometheus", program: findPrometheus(), missing: NO_PROMETHEUS, start: startPrometheus, isExact: true },
  { name: "VictoriaMetrics", program: findVictoriaMetrics(), missing: NO_VICTORIA_METRICS, start: startVictoriaMetrics, isExact: false },
];

for (const { name, program, missing, start, isExact } of programs)
  seriesConformance(`RemoteSeries on ${name}`, {
    skip: program === undefined ? missing : undefined,
    open: async (context) => {
      const server: SeriesServer = await start(program ?? "");
      context.after(() => server.stop());
      const store = openRemoteSeries({ url: server.url, isExact, clock: systemClock, log: silentLog });
      context.after(() => store.close());
      const settle = async (): Promise<void> => {
        await store.drained();
        await server.flush();
      };
      return { store, now: () => Date.now(), settle };
    },
  });

interface Receiver {
  readonly url: string;
  readonly bodies: Buffer[];
  /** What it answers next; then 204. */
  readonly answers: number[];
}

async function receiver(context: TestContext): Promise<Receiver> {
  const bodies: Buffer[] = [];
  const answers: number[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    void request.toArray().then((parts) => {
      bodies.push(Buffer.concat(parts as Buffer[]));
      response.writeHead(answers.shift() ?? 204).end("as told");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, answers };
}

function samples(count: number): readonly Sample[] {
  return Array.from({ length: count }, (_, index) => ({ labels: { [METRIC_NAME]: "m" }, atMs: Date.now() - index, value: index }));
}

function listening(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (text) => void lines.push(text), child: () => log };
  return { log, lines };
}

test("what the remote refuses is dropped, counted and told; what it cannot take now is sent again", async (context) => {
  const { url, bodies, answers } = await receiver(context);
  const { log, lines } = listening();
  const store = openRemoteSeries({ url, clock: systemClock, log });
  answers.push(503, 429, 204, 400);
  await store.append({ source: "a", samples: samples(3) });
  await store.drained();
  assert.equal(bodies.length, 3);
  assert.deepEqual(bodies[0], bodies[2]);
  assert.equal(store.figures().taken, 3);
  await store.append({ source: "a", samples: samples(2) });
  await store.drained();
  assert.deepEqual([store.figures().taken, store.figures().lost], [3, 2]);
  assert.match(lines[0] ?? "", /503/);
  assert.ok(uncompress(bodies[0] as Buffer).length > 20);
  await store.close();
});

test("what has become too old while the remote was away is dropped before it is sent", async (context) => {
  const { url, bodies, answers } = await receiver(context);
  const store = openRemoteSeries({ url, ageMaxMs: 150, clock: systemClock, log: silentLog });
  answers.push(503);
  await store.append({ source: "a", samples: samples(5) });
  await store.drained();
  assert.equal(bodies.length, 1);
  assert.equal(store.figures().lost, 5);
  await store.close();
});

test("a remote that is away holds nobody up, and what waits for it is bounded", async () => {
  const store = openRemoteSeries({ url: "http://127.0.0.1:1", samplesMax: 10, clock: systemClock, log: silentLog });
  await store.append({ source: "a", samples: samples(8) });
  await assert.rejects(store.append({ source: "a", samples: samples(8) }), { code: "series/busy" });
  await assert.rejects(store.query({ expression: "1", atMs: Date.now() }), { code: "series/unavailable" });
  await store.close();
  assert.equal(store.figures().lost, 16);
});
