/** The alarms of a centre, until it is killed: `FILE yes|no`. Hosts are lost and come back all the time, each only once, and only what somebody was told of is mended; so it is known what has to come of it. Says `ready`, and `calm` once all is so. */
import { STORED_KINDS } from "#/apps/centre/parts.ts";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Alarm, alarm, host, timestamp } from "#/model/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { startAlarmParts } from "./alarm-parts.ts";

const [, , file = "", disturbed = "no"] = process.argv;
const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
const { paths } = await startAlarmParts(store, new AbortController().signal);
process.stdout.write("ready\n");

const tell = async (name: string, status: "True" | "Unknown"): Promise<void> => {
  const reason = status === "True" ? "Ready" : "AgentLost";
  const condition = { type: "Ready", status, reason, message: "told", lastTransitionTime: timestamp(Date.now()) };
  if ((await store.get(host, { name })) === undefined) await store.create(host, { metadata: { name, labels: { made: "here" } }, spec: {} });
  await store.patch(host, { name }, { type: "merge", body: { status: { conditions: [condition] } } }, { subresource: "status" });
};
const isMended = (name: string): boolean => Number(name.slice("made-".length)) % 2 === 0;
const isTold = ({ status }: Alarm): boolean => (status?.told ?? []).some(({ condition }) => condition === status?.condition);
const alarms = async (): Promise<readonly Alarm[]> => (await store.list(alarm)).items.filter(({ spec }) => spec.type === "host-lost");
/** Of those that somebody was told of. */
const mend = async (): Promise<void> => {
  for (const one of await alarms()) {
    const { name } = one.spec.resource;
    if (name.startsWith("made-") && isMended(name) && one.status?.condition === "raised" && isTold(one)) await tell(name, "True");
  }
};
/** What people say, each once. */
const operate = async (name: string, operation: string, more: object): Promise<void> => {
  const one = (await alarms()).find(({ spec }) => spec.resource.name === name);
  if (one?.status?.condition !== "raised" || one.status.stands !== "Unacknowledged") return;
  const caller = { name: "anna", sees: () => true, seesAll: () => true, act: async () => {} };
  const body = { operation, message: "mine", ...more, alarms: [{ name: one.metadata.name }] };
  const path = paths.find((found) => found.path === "/alarms/operate");
  await path?.serve({ query: new URLSearchParams(), body, signal: new AbortController().signal, caller });
};

for (;;) {
  await operate("known", "acknowledge", {});
  await operate("shelved", "shelve", { for: "1d" });
  const made = (await store.list(host, { labelSelector: "made=here" })).items;
  const hosts = made.map(({ metadata }) => metadata.name);
  // Killed between the two writes.
  for (const { metadata, status } of made) if (status === undefined) await tell(metadata.name, "Unknown");
  if (disturbed === "yes") await tell(`made-${String(hosts.length).padStart(4, "0")}`, "Unknown");
  await mend();
  const seen = new Map((await alarms()).map((one) => [one.spec.resource.name, one]));
  const isCalm = hosts.every((name) => {
    const one = seen.get(name);
    return one?.status?.condition === (isMended(name) ? "cleared" : "raised") && isTold(one);
  });
  if (isCalm && disturbed !== "yes") break;
  await new Promise((resolve) => setTimeout(resolve, 15));
}
process.stdout.write("calm\n");
// Until it is killed.
setInterval(() => {}, 60_000);
