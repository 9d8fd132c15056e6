import assert from "node:assert/strict";
import { test } from "node:test";
import { host } from "#/model/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

test("what a new leader has not heard yet is no alarm: services stay as they were told, wait for a place without a fault, and are lost after 15 s", async () => {
  let isHeard = true;
  const { apply, template, service, store, until, sleep } = await startCentre({ isHostKnown: () => isHeard });
  const readyReason = (one: Parameters<typeof isReady>[0]): string | undefined =>
    one.status?.conditions?.find(({ type }) => type === "Ready")?.reason;
  await apply("auth", { replicas: 1, template: template("v1") });
  await service("auth", isReady, "readiness");
  await until(
    () => store.get(host, { name: "here" }),
    (one) => one.status?.conditions?.some(({ status }) => status === "True") === true,
    "the host",
  );
  isHeard = false;
  await apply("auth", { replicas: 2, template: template("v1") });
  const waiting = await service("auth", (one) => one.spec.replicas === 2 && !isReady(one), "a status with the wished replica");
  assert.deepEqual([readyReason(waiting), waiting.status?.readyReplicas], ["Starting", 1]);
  await sleep(15_000);
  await apply("auth", { replicas: 3, template: template("v1") });
  const lost = await service("auth", (one) => readyReason(one) !== "Starting", "the end of the wait");
  assert.deepEqual([readyReason(lost), lost.status?.readyReplicas], ["Unplaced", 0]);
  isHeard = true;
  await apply("auth", { replicas: 1, template: template("v1") });
  await service("auth", isReady, "readiness again");
});
