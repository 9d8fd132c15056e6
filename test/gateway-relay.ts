import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import path from "node:path";
import type { TestContext } from "node:test";
import { gateway, type Update } from "#/model/index.ts";
import type { Kill, RunningSite } from "./running-site.ts";
import { type SeenWait, untilWait } from "./updating-site.ts";

/** Between a site's gateway and its centre: can be cut (connections end, new ones are refused at once) and healed, and made slow towards the gateway. */
export interface GatewayRelay {
  /** What was killed to put it there: the supervisor, which would give the gateway the centre's own address again, and the gateway. */
  readonly kills: readonly Kill[];
  cut(): void;
  heal(): void;
  /** From now on each word of the centre reaches the gateway so much later; 0: at once again. */
  delay(ms: number): void;
  /** Lets the site be as before. `beforeUp`: done while there is neither gateway nor supervisor. */
  end(beforeUp?: () => Promise<void>): Promise<void>;
}

/** Puts a relay between gateway and centre. The gateway is started anew for it, and has no supervisor until `end`. Waits until nothing of its former incarnation is unknown: `maxTransaction`. */
export async function putRelay(site: RunningSite, context: TestContext): Promise<GatewayRelay> {
  const wire = await openWire(context);
  const file = path.join(site.data, "endpoints.json");
  const words = site.commandOf("gateway");
  const former = await incarnationOf(site);
  const kills = [site.killPlatform("supervisor"), site.killPlatform("gateway")];
  const endpoints = JSON.parse(readFileSync(file, "utf8")) as { api: string; edge: string };
  site.api = endpoints.api;
  writeFileSync(file, JSON.stringify({ ...endpoints, api: wire.url(endpoints.api) }));
  // People reach the centre as before.
  site.commandData = mkdtempSync(path.join(site.folder, "direct-"));
  for (const name of ["pki", "tokens", "logs", "run"]) symlinkSync(path.join(site.data, name), path.join(site.commandData, name));
  writeFileSync(path.join(site.commandData, "endpoints.json"), JSON.stringify(endpoints));
  site.spawnAgain(words);
  await site.until("the gateway is connected through the relay", () =>
    wire.connections() > 0 && site.record("gateway") !== undefined ? true : undefined,
  );
  await site.until("what the gateway had in flight when it was killed is over", async () => {
    const { number, unknownUntilMs } = await incarnationOf(site);
    return number > former.number && unknownUntilMs < Date.now() ? true : undefined;
  });
  return {
    kills,
    cut: wire.cut,
    heal: wire.heal,
    delay: wire.delay,
    async end(beforeUp) {
      wire.heal();
      writeFileSync(file, JSON.stringify(endpoints));
      site.api = undefined;
      site.commandData = undefined;
      site.killPlatform("gateway");
      await beforeUp?.();
      const { status, out, err } = await site.up();
      assert.equal(status, 0, out + err);
    },
  };
}

async function incarnationOf(site: RunningSite): Promise<{ readonly number: number; readonly unknownUntilMs: number }> {
  const { incarnation = 0, unknownUntil = "" } = (await site.store.get(gateway, { name: "main" }))?.status ?? {};
  return { number: incarnation, unknownUntilMs: Date.parse(unknownUntil) };
}

interface Wire extends Pick<GatewayRelay, "cut" | "heal" | "delay"> {
  /** Where `target` is reached through it. */
  url(target: string): string;
  connections(): number;
}

async function openWire(context: TestContext): Promise<Wire> {
  let target = 0;
  let isCut = false;
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (isCut) return void socket.destroy();
    const upstream = connect(target, "127.0.0.1");
    for (const one of [socket, upstream]) {
      sockets.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        sockets.delete(one);
        socket.destroy();
        upstream.destroy();
      });
    }
    socket.pipe(upstream);
    let dueMs = 0;
    upstream.on("data", (bytes) => {
      // Never before what came earlier.
      dueMs = Math.max(dueMs, performance.now() + delayMs);
      const waitMs = dueMs - performance.now();
      if (waitMs <= 0) socket.write(bytes);
      else setTimeout(() => socket.write(bytes), waitMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  context.after(() => {
    destroyAll();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return {
    url(api) {
      target = Number(new URL(api).port);
      return `https://127.0.0.1:${port}`;
    },
    connections: () => sockets.size,
    cut() {
      isCut = true;
      destroyAll();
    },
    heal() {
      isCut = false;
    },
    delay(ms) {
      delayMs = ms;
    },
  };
}

/** Waits until an Update says that it waits for one of `reasons` because of the gateway, no longer than since `cutMs`; then `update show` says it, too. */
export async function untilGatewayBlamed(site: RunningSite, name: string, cutMs: number, reasons: readonly string[]): Promise<SeenWait> {
  const blamed = await untilWait(site, name, (one) => reasons.includes(one.reason) && one.message.includes("gateway main is not connected"));
  const sinceMs = Date.parse(blamed.since);
  assert.ok(sinceMs <= Date.now() && sinceMs >= cutMs - 1000, `since ${blamed.since}, cut at ${new Date(cutMs).toISOString()}`);
  const shown = JSON.parse((await site.orrery("update", "show", name, "-o", "json")).out) as {
    readonly generations: readonly { readonly waits: readonly SeenWait[] }[];
    readonly updates: readonly Update[];
  };
  const all = [...shown.generations.flatMap((one) => one.waits), ...shown.updates.flatMap((one) => one.status?.waits ?? [])];
  assert.ok(
    all.some((one) => one.reason === blamed.reason && one.object === blamed.object && one.since === blamed.since),
    JSON.stringify(all),
  );
  const { out } = await site.orrery("update", "show", name);
  assert.match(out, new RegExp(`${blamed.object} \\(${blamed.reason}, `));
  return blamed;
}
