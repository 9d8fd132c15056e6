import assert from "node:assert/strict";
import { test } from "node:test";
import { microservice } from "#/model/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import { READER, startRig, stored } from "../rig.ts";

const buckets = LATENCY_BUCKETS_MS.map(() => 0).concat(0);

test("a window of the calls of which one end is shown to the reader, and what it moves by is told", async () => {
  const { feeds, board, connect, pass, authorizer } = startRig();
  authorizer.hidden.set("microservices", ({ metadata }) => metadata.name !== "secret");
  for (const name of ["auth", "pay", "secret"]) feeds.microservices.put(stored(microservice, name));
  const put = (caller: string, service: string, calls: number): void => {
    const sum = { caller, service, revision: "r", instance: "i", host: "h", calls, errors: 0, timeSumMs: 0, timeMaxMs: 0 };
    board.put("calls", `${caller}|${service}|i`, { ...sum, large: 0, unlabelled: 0, refused: 0, inFlight: 0, buckets }, "centre");
  };
  put("", "auth", 60);
  put("auth", "pay", 120);
  put("", "secret", 600);
  put("secret", "auth", 6);
  const client = connect({ ...READER, name: "other" });
  const sort = { by: "rate", descending: true } as const;
  client.open("all", { of: "callTable", sort });
  client.open("second", { of: "callTable", sort, offset: 1, limit: 1 });
  await pass(0);
  assert.deepEqual(client.keys("all"), ["auth|pay", "|auth", "secret|auth"]);
  assert.deepEqual(client.keys("second"), ["|auth"]);
  assert.equal(client.copies.get("second")?.total, 3);
  assert.equal(client.copies.get("second")?.rows[0]?.seen?.by, "centre");
  put("", "auth", 1_200);
  await pass(1_000);
  assert.deepEqual(client.keys("second"), ["auth|pay"]);
});
