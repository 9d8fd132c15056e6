import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { CallerAddresses } from "./caller-addresses.ts";
import { PortPool } from "./ports.ts";

describe("ports", () => {
  it("are given once, the same to the same owner, and not soon again after they were given back", async () => {
    const pool = new PortPool("/a");
    const first = await pool.take("u-1 http", 0);
    assert.ok(first >= 20_000 && first < 30_000);
    assert.notEqual(await pool.take("u-1 http", 0), first);
    pool.giveBack([first], 1000);
    assert.notEqual(await pool.take("u-1 http", 2000), first);
    assert.equal(await pool.take("u-1 http", 1000 + 16 * 60_000), first);
    await pool.close();
    assert.equal(await new PortPool("/a").take("u-1 http", 0), first);
  });

  it("are given by one site of a machine only, also while nobody listens on them and whoever has them is adopted", async () => {
    const [one, other, next] = [new PortPool("/x"), new PortPool("/x"), new PortPool("/x")];
    const port = await one.take("u", 0);
    assert.notEqual(await other.take("u", 0), port);
    assert.equal(await other.reserve(port), false);
    await one.close();
    next.keep([port]);
    assert.equal(await other.reserve(port), false);
    next.giveBack([port], 0);
    await next.close();
    assert.equal(await other.reserve(port), true);
    await other.close();
  });

  it("on which someone listens are left out", async () => {
    const pool = new PortPool("/b");
    const first = await pool.take("u", 0);
    await pool.close();
    const server = createServer();
    server.listen(first, "127.0.0.1");
    await once(server, "listening");
    try {
      assert.equal(await new PortPool("/b").take("u", 0), first + 1 === 30_000 ? 20_000 : first + 1);
    } finally {
      server.close();
    }
  });

  it("on record are given to nobody else", async () => {
    const pool = new PortPool("/c");
    const first = await pool.take("u", 0);
    await pool.close();
    pool.keep([first]);
    assert.notEqual(await pool.take("u", 0), first);
  });
});

describe("caller addresses", () => {
  it("are given by one site of a machine only", async () => {
    const [one, other] = [new CallerAddresses("/same", 3128), new CallerAddresses("/same", 3128)];
    const address = await one.take("u");
    assert.notEqual(await other.take("u"), address);
    await one.close();
    assert.equal(await other.reserve(address), true);
    await other.close();
  });

  it("are loopback addresses outside of 127.0.0, one for each owner, in a network by the site's folder", async () => {
    const addresses = new CallerAddresses("/site", 3128);
    const given = new Set<string>();
    for (let owner = 0; owner < 200; owner++) given.add(await addresses.take(`u-${owner}`));
    assert.equal(given.size, 200);
    const networks = new Set([...given].map((address) => address.split(".")[1]));
    assert.equal(networks.size, 1);
    for (const address of given) {
      const [first, network, , last] = address.split(".").map(Number);
      assert.ok(first === 127 && (network ?? 0) >= 16 && (network ?? 0) <= 250 && last !== 0 && last !== 255, address);
    }
  });
});
