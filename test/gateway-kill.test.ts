import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import test from "node:test";
import { sketchTable } from "#/traffic/gateway/index.ts";

const program = path.join(import.meta.dirname, "..", "src", "apps", "gateway.ts");

interface Started {
  readonly incarnation: number;
  readonly edge: string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a gateway on `data` and waits until it says that it is ready. */
async function start(data: string): Promise<Started> {
  const child = spawn(process.execPath, [program, "--data", data], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { message: string; incarnation: number; edge: string };
    if (said.message !== "ready") continue;
    child.stdout.resume();
    return {
      incarnation: said.incarnation,
      edge: said.edge,
      async kill(signal) {
        const ended = once(child, "exit") as Promise<[number | null]>;
        child.kill(signal);
        return (await ended)[0];
      },
    };
  }
  throw new Error(`the gateway ended with ${child.exitCode} before it was ready`);
}

test("a gateway that is killed again and again never uses a number twice, and serves its table from disk each time", async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-kill-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const first = await start(data);
  assert.equal(await first.kill("SIGTERM"), 0);
  const table = sketchTable({
    generations: { 5: { portal: "portal-v1" } },
    revisions: { "portal-v1": [] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
  });
  writeFileSync(path.join(data, "gateway", "table.json"), JSON.stringify(table));
  const numbers = [first.incarnation];
  for (let index = 0; index < 4; index++) {
    const gateway = await start(data);
    numbers.push(gateway.incarnation);
    assert.equal(readFileSync(path.join(data, "gateway", "incarnation"), "utf8"), `${gateway.incarnation}\n`);
    const answer = await fetch(gateway.edge);
    const problem = (await answer.json()) as { code: string; generation: number };
    assert.deepEqual([answer.status, problem.code, problem.generation], [503, "gateway/no-instance", 5]);
    await gateway.kill("SIGKILL");
  }
  assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
});
