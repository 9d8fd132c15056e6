import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { type Ownership, SocketOwners } from "./socket-owners.ts";

/** A server, and processes that call it. */
async function serverOf(t: TestContext): Promise<Server> {
  const server = createServer();
  t.after(() => server.close());
  server.listen(0, "127.66.1.1");
  await once(server, "listening");
  return server;
}

function start(t: TestContext, name: string | undefined, program: string): ChildProcess {
  const env = { ...process.env, ...(name === undefined ? {} : { ORRERY_TEST_NAME: name }) };
  const child = spawn(process.execPath, ["-e", program], { env, stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

const calls = (server: Server, family: "4" | "6" = "4"): string => {
  const { address, port } = server.address() as AddressInfo;
  return `require("net").connect({host: "${family === "4" ? address : `::ffff:${address}`}", port: ${port}}).on("close", () => process.exit()); setInterval(() => {}, 1000);`;
};

async function nextOwner(t: TestContext, server: Server, owners: SocketOwners, expected: string): Promise<Ownership> {
  const [socket] = (await once(server, "connection")) as [Socket];
  t.after(() => socket.destroy());
  const { remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 } = socket;
  return await owners.find({ address: remoteAddress, port: remotePort, ownAddress: localAddress, ownPort: localPort }, expected);
}

const ownersOf = (): SocketOwners => new SocketOwners({ nameOf: (environment) => environment["ORRERY_TEST_NAME"] });

test("the process at the other end of a connection is found, also one that has just begun, or that somebody else has started", async (t) => {
  const server = await serverOf(t);
  const owners = ownersOf();
  const answers: Promise<Ownership>[] = [];
  for (const name of ["a", "b", undefined]) {
    const answer = nextOwner(t, server, owners, "a");
    start(t, name, calls(server));
    answers.push(answer);
    await answer;
  }
  assert.deepEqual(await Promise.all(answers), [{ kind: "own" }, { kind: "other", name: "b" }, { kind: "unknown" }]);
});

test("a socket of IPv6 that calls an IPv4 address is found, too", async (t) => {
  const server = await serverOf(t);
  const answer = nextOwner(t, server, ownersOf(), "a");
  start(t, "b", calls(server, "6"));
  assert.deepEqual(await answer, { kind: "other", name: "b" });
});

test("a child of the process is the process's, and what is gone, or not on this host, is unknown", async (t) => {
  const server = await serverOf(t);
  const owners = ownersOf();
  const answer = nextOwner(t, server, owners, "a");
  start(t, "a", `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(calls(server))}]); setTimeout(() => {}, 5000);`);
  assert.deepEqual(await answer, { kind: "own" });
  assert.deepEqual(await owners.find({ address: "192.0.2.1", port: 1, ownAddress: "127.0.0.1", ownPort: 2 }, "a"), { kind: "unknown" });
  assert.deepEqual(await owners.find({ address: "nonsense", port: 1, ownAddress: "::1", ownPort: 2 }, "a"), { kind: "unknown" });
});

test("a process that has lost its environment is its parent's", async (t) => {
  const server = await serverOf(t);
  const answer = nextOwner(t, server, ownersOf(), "a");
  start(
    t,
    "a",
    `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(calls(server))}], {env: {X: "1"}, detached: true}); setTimeout(() => {}, 5000);`,
  );
  assert.deepEqual(await answer, { kind: "own" });
});

test("many questions at once are answered by few readings, without holding up the process", async (t) => {
  const server = await serverOf(t);
  const owners = ownersOf();
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const { address, port } = server.address() as AddressInfo;
  start(t, "a", `for (let i = 0; i < 300; i++) require("net").connect({host: "${address}", port: ${port}}); setInterval(() => {}, 1000);`);
  while (sockets.length < 300) await once(server, "connection");
  let longestMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  }, 1);
  const found = await Promise.all(
    sockets.map(({ remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 }) =>
      owners.find({ address: remoteAddress, port: remotePort, ownAddress: localAddress, ownPort: localPort }, "a"),
    ),
  );
  clearInterval(timer);
  assert.ok(found.every(({ kind }) => kind === "own"));
  // A machine with much to do stops a process for a while; work of its own that grew with the square took 350 ms.
  assert.ok(longestMs < 200, `${longestMs} ms`);
});
