import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { checkPort } from "./ports.ts";

test("a busy port is refused with its number, the process that has it, and the option to change", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await assert.rejects(checkPort("127.0.0.1", port, "--edge-port"), (error) => {
    assert.ok(isOrreryError(error, "up/port"));
    assert.match(error.message, new RegExp(`^port ${port} is in use by process ${process.pid} \\(.*node.*\\); choose another with --edge-port`));
    return true;
  });
});

test("a free port and port 0 pass", async () => {
  await checkPort("127.0.0.1", 0, "--api-port");
});

test("an address of another machine is refused", async () => {
  await assert.rejects(checkPort("192.0.2.1", 0, "--api-port"), /192\.0\.2\.1 is no address of this machine; give one of its own with --listen/);
});
