/** 10,000 alarms at once in a real centre: raised by a rule about as many hosts; how long the console waits for its list, the command line for all, an operator for 1,000 acknowledgements, and from a crossing to the page. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { type Alarm, alarm, host } from "#/model/index.ts";
import { startCentre } from "./harness/centre.ts";
import { median, quantile, Report, round } from "./harness/report.ts";

const { values } = parseArgs({
  options: {
    alarms: { type: "string", default: "10000" },
    acknowledged: { type: "string", default: "1000" },
    crossings: { type: "string", default: "50" },
  },
});
const total = Number(values.alarms);
const HOSTS = `/apis/${host.apiVersion}/${host.plural}`;
const ALARMS = `/apis/${alarm.apiVersion}/${alarm.plural}`;
const report = new Report("alarms");
const data = mkdtempSync(path.join(tmpdir(), "orrery-bench-alarms-"));
const centre = await startCentre(data);
const api = centre.client("admin");
const nameOf = (index: number): string => `h${String(index).padStart(5, "0")}`;

try {
  const list = async (): Promise<readonly Alarm[]> => ((await api.request({ path: ALARMS })).body as { items: readonly Alarm[] }).items;
  for (let begin = 0; begin < total; begin += 500)
    await Promise.all(
      Array.from({ length: Math.min(500, total - begin) }, (_, index) =>
        api.request({
          method: "POST",
          path: HOSTS,
          body: { apiVersion: host.apiVersion, kind: host.kind, metadata: { name: nameOf(begin + index) }, spec: { instancesMax: 20 } },
        }),
      ),
    );
  const raisedMs = await timed(async () => {
    await api.request({
      method: "POST",
      path: `/apis/${alarm.apiVersion}/alarmrules`,
      body: {
        apiVersion: alarm.apiVersion,
        kind: "AlarmRule",
        metadata: { name: "too-many" },
        spec: { of: { kind: "Host" }, field: { path: ".spec.instancesMax", above: 10 } },
      },
    });
    while ((await list()).filter(({ spec, status }) => spec.type === "too-many" && status?.stands === "Unacknowledged").length < total)
      await new Promise((resolve) => setTimeout(resolve, 500));
  });
  const pages: number[] = [];
  for (let turn = 0; turn < 10; turn++) pages.push(await timed(async () => (await openPage()).socket.close()));
  const lists: number[] = [];
  for (let turn = 0; turn < 5; turn++) lists.push(await timed(list));
  const chosen = (await list()).slice(0, Number(values.acknowledged));
  let refused = 0;
  const ackMs = await timed(async () => {
    const { items } = (
      await api.request({
        method: "POST",
        path: "/alarms/operate",
        body: {
          operation: "acknowledge",
          message: "seen",
          alarms: chosen.map(({ metadata, status }) => ({ name: metadata.name, occurrence: status?.occurrence, severity: status?.severity })),
        },
      })
    ).body as { items: readonly { outcome: string }[] };
    refused = items.filter(({ outcome }) => outcome !== "done").length;
  });
  const crossings: number[] = [];
  const page = await openPage();
  for (let turn = 0; turn < Number(values.crossings); turn++) {
    const name = `fresh-${turn}`;
    const seen = page.until((text) => text.includes(`"${name}"`));
    const beganMs = performance.now();
    await api.request({
      method: "POST",
      path: HOSTS,
      body: { apiVersion: host.apiVersion, kind: host.kind, metadata: { name, labels: { fresh: "yes" } }, spec: { instancesMax: 99 } },
    });
    await seen;
    crossings.push(performance.now() - beganMs);
  }
  page.socket.close();
  report.table(
    `${total} active alarms`,
    ["", "ms", "aim"],
    [
      ["all raised, from the rule to the last", Math.round(raisedMs), ""],
      ["the page's list (view, 100 rows), median of 10", round(median(pages)), "300"],
      ["the same, slowest", round(quantile(pages, 1)), "300"],
      ["the whole list (JSON), median of 5", round(median(lists)), ""],
      [`${chosen.length} acknowledged at once, audited${refused === 0 ? "" : `, ${refused} REFUSED`}`, Math.round(ackMs), "1000"],
      ["from a crossing to the page, median", round(median(crossings)), "1000"],
      ["the same, slowest", round(quantile(crossings, 1)), "1000"],
    ],
  );
} finally {
  await api.close();
  await centre.stop();
  rmSync(data, { recursive: true, force: true });
}
report.end();

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

/** A console's page of alarms: resolves with its first window. */
async function openPage() {
  const { api: url } = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8")) as { api: string };
  const socket = new WebSocket(`${url.replace("https", "wss")}/views`, {
    ca: readFileSync(path.join(data, "pki/ca.crt")),
    headers: { authorization: `Bearer ${readFileSync(path.join(data, "tokens/admin"), "utf8").trim()}` },
  });
  const waiting: { test: (text: string) => boolean; done: () => void }[] = [];
  socket.on("message", (message: Buffer) => {
    const text = message.toString("utf8");
    for (const one of [...waiting]) {
      if (!one.test(text)) continue;
      waiting.splice(waiting.indexOf(one), 1);
      one.done();
    }
  });
  const until = (test: (text: string) => boolean): Promise<void> => new Promise((done) => void waiting.push({ test, done }));
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const first = until((text) => text.includes('"rows"'));
  socket.send(
    JSON.stringify({
      op: "open",
      id: "list",
      view: {
        of: "objects",
        resource: "alarms",
        filter: { ".status.stands": ["Unacknowledged", "Acknowledged", "Cleared"] },
        sort: { by: ".status.raisedAt", descending: true },
        limit: 100,
        columns: [".status.severity", ".status.stands", ".spec.resource.name", ".status.text", ".status.raisedAt"],
      },
    }),
  );
  await first;
  return { socket, until };
}
