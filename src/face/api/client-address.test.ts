import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clientAddress } from "./client-address.ts";

const asked = (remoteAddress: string | undefined, forwarded?: string) => ({
  headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  socket: { remoteAddress },
});

test("who asks is who is connected, unless that is a trusted proxy, which says who has asked it", () => {
  const proxies = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"];
  for (const [peer, forwarded, trusted, expected] of [
    ["203.0.113.9", "1.2.3.4", [], "203.0.113.9"],
    ["203.0.113.9", "1.2.3.4", proxies, "203.0.113.9"],
    ["10.0.0.1", undefined, proxies, "10.0.0.1"],
    ["10.0.0.1", "198.51.100.4", proxies, "198.51.100.4"],
    ["::ffff:10.0.0.1", "198.51.100.4", proxies, "198.51.100.4"],
    // What the client wrote before the first proxy did is its own word.
    ["10.0.0.1", "6.6.6.6, 198.51.100.4", proxies, "198.51.100.4"],
    ["10.0.0.1", "6.6.6.6, 198.51.100.4, 192.0.2.7", proxies, "198.51.100.4"],
    ["10.0.0.1", "10.0.0.2, 10.0.0.3", proxies, "10.0.0.2"],
    ["fd00::1", "[2001:db8::1]:4711, 10.1.1.1:80", proxies, "2001:db8::1"],
    ["10.0.0.1", "unknown", proxies, "10.0.0.1"],
    ["10.0.0.1", "6.6.6.6, nonsense\u0000", proxies, "10.0.0.1"],
    ["10.0.0.1", ",,", proxies, "10.0.0.1"],
    [undefined, "6.6.6.6", proxies, undefined],
  ] as const)
    assert.equal(clientAddress(asked(peer, forwarded), trusted), expected, `${peer} ${forwarded}`);
});

test("nothing that somebody untrusted writes changes who they are", () => {
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.oneof(
        fc.string(),
        fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())).map((list) => list.join(", ")),
      ),
      (peer, text) => {
        fc.pre(!peer.startsWith("10."));
        assert.equal(clientAddress(asked(peer, text), ["10.0.0.0/8"]), peer);
        // And behind a proxy, which adds what it saw, neither.
        assert.equal(clientAddress(asked("10.0.0.1", `${text}, ${peer}`), ["10.0.0.0/8"]), peer);
      },
    ),
  );
});
