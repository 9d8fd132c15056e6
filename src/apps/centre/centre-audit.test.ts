import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Condition, site } from "#/model/index.ts";
import { auditFolder } from "#/people/audit/index.ts";
import type { Hub, Peer } from "#/state/link/hub/index.ts";
import { openTreeStore, type TreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { CentreAudit } from "./centre-audit.ts";
import { STORED_KINDS } from "./parts.ts";

interface Place {
  readonly data: string;
  readonly store: TreeStore;
  /** What an agent answers to a head. */
  testimony: object;
  open(): Promise<CentreAudit>;
  close(): Promise<void>;
  /** The condition once it is as wished. */
  until(isSo: (told: Condition | undefined) => boolean): Promise<Condition | undefined>;
}

async function openPlace(t: TestContext): Promise<Place> {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  const tree = await openSqliteTree({ file: path.join(data, "tree.db"), clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
  await store.create(site, { metadata: { name: "site" }, spec: {} });
  const settled = { type: "Settled", status: "True", reason: "Settled", message: "", lastTransitionTime: new Date().toISOString() };
  const other = { ...settled, type: "Audited.h2", status: "False", reason: "AuditAmiss" };
  await store.patch(site, { name: "site" }, { type: "merge", body: { status: { conditions: [settled, other] } } }, { subresource: "status" });
  let ending = new AbortController();
  let present: CentreAudit | undefined;
  const place: Place = {
    data,
    store,
    testimony: { state: "kept" },
    async open() {
      ending = new AbortController();
      const link = { call: async () => place.testimony };
      const peer = { hello: { component: "agent", name: "h1", host: "h1" }, link } as unknown as Peer;
      const hub = {
        onConnect: (listener: (one: Peer) => void) => setImmediate(() => listener(peer)),
        peers: (of: string) => (of === "agent" ? [peer] : []),
      };
      const options = { data, store, hub: hub as unknown as Hub, identity: "s", centre: "h1", version: "1", signal: ending.signal };
      present = await CentreAudit.open({ ...options, clock: systemClock, random: systemRandom, log: silentLog });
      return present;
    },
    async close() {
      ending.abort();
      await present?.close();
    },
    async until(isSo) {
      for (;;) {
        const { conditions = [] } = (await store.get(site, { name: "site" }))?.status ?? {};
        assert.ok(
          conditions.some(({ type }) => type === "Settled"),
          "what others say stays",
        );
        assert.ok(
          conditions.some(({ type }) => type === "Audited.h2"),
          "what another centre says of its own chain stays",
        );
        const told = conditions.find(({ type }) => type === "Audited.h1");
        if (isSo(told)) return told;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
  t.after(async () => {
    await place.close();
    await store.close();
    await tree.close();
    rmSync(data, { recursive: true, force: true });
  });
  return place;
}

const act = async (audit: CentreAudit): Promise<void> => {
  const entry = await audit.audit.begin({ who: { name: "eva", via: "session" }, action: "update", object: { kind: "Job", name: "j" } });
  entry.end({ code: 200 });
};

test("a chain that somebody changes under the centre is a condition of the Site, and is gone with the next start", { timeout: 15_000 }, async (t) => {
  const place = await openPlace(t);
  const audit = await place.open();
  await act(audit);
  const folder = auditFolder(place.data);
  const file = path.join(folder, readdirSync(folder).find((name) => name.endsWith(".log")) ?? "");
  appendFileSync(file, "somebody");
  await act(audit);
  const told = await place.until((one) => one !== undefined);
  assert.deepEqual([told?.status, told?.reason], ["False", "AuditAmiss"]);
  assert.match(told?.message ?? "", /was changed by somebody while the centre wrote to it; see: orrery audit verify/);
  await place.close();
  rmSync(folder, { recursive: true });
  await place.open();
  await place.until((one) => one === undefined);
});

test("a witness that has seen another audit is a condition of the Site", { timeout: 15_000 }, async (t) => {
  const place = await openPlace(t);
  place.testimony = { state: "differs" };
  await place.open();
  const told = await place.until((one) => one !== undefined);
  assert.match(told?.message ?? "", /agent h1 on h1 has seen another entry at this place of the audit: it was written anew/);
});

test("an audit that cannot be written says so on the Site", { timeout: 15_000 }, async (t) => {
  const place = await openPlace(t);
  const audit = await place.open();
  const folder = auditFolder(place.data);
  const former = audit.audit.state;
  Object.defineProperty(audit.audit, "state", {
    value: () => ({ ...former.call(audit.audit), isWritable: false, alarms: [`nothing can be written to ${folder}: ENOSPC`] }),
  });
  const told = await place.until((one) => one !== undefined);
  assert.deepEqual([told?.status, told?.reason], ["False", "AuditUnwritable"]);
});
