/** A client that others wrote, in another language, knows the embedded broker as it knows RabbitMQ. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { pikaClient } from "../tools/foreign-clients.ts";
import { BrokerProcess } from "./broker-process.ts";
import { ROOT } from "./running-site.ts";

test("pika publishes, consumes, calls, and is told what is refused", async (context) => {
  const client = pikaClient();
  if (client.folder === undefined) return context.skip(client.reason);
  const data = mkdtempSync(path.join(tmpdir(), "orrery-broker-"));
  context.after(() => rmSync(data, { recursive: true, force: true }));
  const broker = new BrokerProcess(data);
  context.after(() => broker.kill("SIGKILL"));
  await broker.start();
  const { stdout } = await promisify(execFile)("python3", [path.join(ROOT, "test/foreign-clients/bus.py"), broker.url.href], {
    env: { ...process.env, PYTHONPATH: client.folder },
    timeout: 240_000,
  });
  assert.deepEqual(stdout.trim().split("\n"), ["returned", "consumed", "answered", "cancelled", "refused 406", "refused 540", "unknown"]);
});
