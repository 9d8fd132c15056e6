import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { Rig } from "./rig.ts";

test("connections to an instance are kept for the next request, and closed when it leaves the table, once their requests have ended", async (t) => {
  const rig = await Rig.start();
  t.after(() => rig.close());
  let connections = 0;
  let finish = (): void => {};
  const server = createServer((request, response) => {
    if (request.url === "/slow") finish = () => response.end("done");
    else response.end("quick");
  });
  server.keepAliveTimeout = 60_000;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const routes = [{ service: "portal", path: { prefix: "/" } }];
  const revisions = { "portal-v1": [{ instance: "portal-0", port }] };
  const sketch = { generations: { 3: { portal: "portal-v1" } }, services: { portal: { port: 1 } }, routes };
  rig.table({ ...sketch, revisions });
  const ask = async (path: string): Promise<string> => await (await fetch(`http://127.0.0.1:${rig.edgePort}${path}`)).text();
  assert.deepEqual([await ask("/one"), await ask("/two"), connections], ["quick", "quick", 1]);
  const slow = ask("/slow");
  await once(server, "request");
  rig.table({ ...sketch, revisions: { "portal-v1": [] } });
  const open = (): Promise<number> =>
    new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await open(), 1, "a request is open on it");
  finish();
  assert.equal(await slow, "done");
  while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
});
