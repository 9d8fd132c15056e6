import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AddressRanges, addressOf, isLoopbackAddress, parseAddress } from "./address.ts";
import { type Origin, readOrigin } from "./origin.ts";

const trusted = new AddressRanges(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);

function origin(peer: string, forwarded: readonly string[], more: { readonly isTls?: boolean; readonly host?: string } = {}): Origin {
  return readOrigin({ peer, isTls: more.isTls === true, host: more.host ?? "www.example.org", forwarded, trusted });
}

const value = ({ headers }: Origin, name: string): string | undefined => (headers.includes(name) ? headers[headers.indexOf(name) + 1] : undefined);

test("networks hold their addresses, in either writing", () => {
  const ranges = new AddressRanges(["10.1.0.0/16", "::1", "fd00::/8", "1.2.3.4", "nonsense", "10.0.0.0/99", "0.0.0.0/33"]);
  for (const address of ["10.1.255.3", "::ffff:10.1.0.9", "::ffff:a01:9", "::1", "0:0:0:0:0:0:0:1", "fdff::1%eth0", "1.2.3.4"])
    assert.ok(ranges.has(address), address);
  for (const address of ["10.2.0.1", "::2", "fc00::1", "1.2.3.5", "", "x", "10.1.0", "10.1.0.256", "10.01.0.1", "::1::", "1:2"])
    assert.ok(!ranges.has(address), address);
  assert.ok(new AddressRanges(["0.0.0.0/0"]).has("9.9.9.9") && !new AddressRanges(["0.0.0.0/0"]).has("fe80::1"));
});

test("an address is read as Node's own parser reads it, or refused", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.string({ unit: fc.constantFrom(..."0123456789abcdef.:%x"), maxLength: 12 })),
      (text) => {
        const bits = parseAddress(text);
        const plain = text.replace(/%.*$/, "");
        const isAddress =
          plain === text || text.includes(":") ? URL.canParse(plain.includes(":") ? `http://[${plain}]/` : `http://${plain}/`) : false;
        if (bits === undefined) return;
        assert.ok(isAddress, text);
        const canonical = new URL(plain.includes(":") ? `http://[${plain}]/` : `http://${plain}/`).hostname.replace(/^\[|\]$/g, "");
        assert.equal(parseAddress(canonical), bits);
      },
    ),
    { numRuns: 3000 },
  );
});

test("whatever way loopback is written, it is loopback", () => {
  for (const host of [
    "127.0.0.1",
    "127.1",
    "0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.9.8.7",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "0.0.0.0",
    "0x0",
  ])
    assert.ok(isLoopbackAddress(addressOf(host) ?? ""), host);
  for (const host of ["auth", "auth1", "example.org", "10.0.0.1", "[fd00::1]", "localhost", "1.2.3.4.5", "a.1x"])
    assert.ok(!isLoopbackAddress(addressOf(host) ?? ""), host);
});

test("what somebody says who is not trusted is replaced", () => {
  const found = origin("203.0.113.9", [
    "X-Forwarded-For",
    "1.1.1.1",
    "x-forwarded-proto",
    "https",
    "X-Forwarded-Host",
    "evil",
    "Forwarded",
    "for=1.1.1.1",
    "X-Forwarded-Port",
    "1",
  ]);
  assert.deepEqual([found.client, found.scheme, found.host], ["203.0.113.9", "http", "www.example.org"]);
  assert.deepEqual(found.headers, [
    "x-forwarded-for",
    "203.0.113.9",
    "x-forwarded-proto",
    "http",
    "x-forwarded-host",
    "www.example.org",
    "forwarded",
    "for=203.0.113.9;host=www.example.org;proto=http",
  ]);
});

test("a port that is none is not told, whoever says it", () => {
  const portTold = (text: string): string | undefined =>
    value(origin("10.0.0.1", ["X-Forwarded-For", "198.51.100.2", "X-Forwarded-Port", text]), "x-forwarded-port");
  for (const text of ["0", "00", "65536", "99999", "-1", "+80", "8e1", "0x50", "80a", "", " ", "http", "４４３", "123456"])
    assert.equal(portTold(text), undefined, text);
  for (const [text, port] of [
    ["1", "1"],
    ["65535", "65535"],
    ["0443", "443"],
    [" 443 ", "443"],
    ["443, 80", "443"],
  ] as const)
    assert.equal(portTold(text), port, text);
});

test("what a trusted proxy says is believed and added to", () => {
  const found = origin("::ffff:10.0.0.1", [
    "X-Forwarded-For",
    "198.51.100.2",
    "X-Forwarded-Proto",
    "https",
    "X-Forwarded-Host",
    "public.example.org",
    "X-Forwarded-Port",
    "443",
  ]);
  assert.deepEqual([found.client, found.scheme, found.host], ["198.51.100.2", "https", "public.example.org"]);
  assert.equal(value(found, "x-forwarded-for"), "198.51.100.2, 10.0.0.1");
  assert.equal(value(found, "x-forwarded-port"), "443");
  assert.equal(value(found, "forwarded"), "for=198.51.100.2;host=public.example.org;proto=https, for=10.0.0.1");
});

test("of a chain, only what trusted proxies have told counts", () => {
  for (const [chain, client, kept] of [
    ["6.6.6.6, 198.51.100.2", "198.51.100.2", "198.51.100.2, 10.0.0.1"],
    ["6.6.6.6, 198.51.100.2, 10.0.0.2, fd00::1", "198.51.100.2", "198.51.100.2, 10.0.0.2, fd00::1, 10.0.0.1"],
    ["10.0.0.9, 10.0.0.8", "10.0.0.9", "10.0.0.9, 10.0.0.8, 10.0.0.1"],
    ["6.6.6.6, unknown", "10.0.0.1", "10.0.0.1"],
    ["6.6.6.6, <script>, 10.0.0.2", "10.0.0.2", "10.0.0.2, 10.0.0.1"],
    ["198.51.100.2:4711", "198.51.100.2", "198.51.100.2, 10.0.0.1"],
    ["[2001:db8::1]:4711", "2001:db8::1", "2001:db8::1, 10.0.0.1"],
    ["2001:db8::1", "2001:db8::1", "2001:db8::1, 10.0.0.1"],
    ["", "10.0.0.1", "10.0.0.1"],
    ["198.51.100.2, ,", "198.51.100.2", "198.51.100.2, 10.0.0.1"],
  ] as const) {
    const found = origin("10.0.0.1", ["x-forwarded-for", chain]);
    assert.deepEqual([found.client, value(found, "x-forwarded-for")], [client, kept], chain);
  }
  const twice = origin("10.0.0.1", ["x-forwarded-for", "6.6.6.6", "X-Forwarded-For", "198.51.100.2"]);
  assert.equal(twice.client, "198.51.100.2");
});

test("the scheme is http or https, whatever a proxy calls that of a WebSocket", () => {
  for (const [told, scheme] of [
    ["wss", "https"],
    ["ws", "http"],
    ["HTTPS, http", "https"],
    ["ftp", "http"],
    ["constructor", "http"],
    ["", "http"],
  ] as const)
    assert.equal(value(origin("10.0.0.1", ["x-forwarded-proto", told]), "x-forwarded-proto"), scheme, told);
});

test("Forwarded counts where there is no X-Forwarded-For", () => {
  const found = origin("10.0.0.1", ["Forwarded", 'for="[2001:db8::1]:47";proto=https;host="a.example:8443", For=10.0.0.7']);
  assert.deepEqual([found.client, found.scheme, found.host], ["2001:db8::1", "https", "a.example:8443"]);
  assert.equal(value(found, "forwarded"), 'for="[2001:db8::1]:47";proto=https;host="a.example:8443", For=10.0.0.7, for=10.0.0.1');
  assert.equal(value(found, "x-forwarded-for"), "2001:db8::1, 10.0.0.7, 10.0.0.1");
  assert.equal(origin("10.0.0.1", ["Forwarded", "for=6.6.6.6;proto=https", "x-forwarded-for", "198.51.100.2"]).client, "198.51.100.2");
  assert.equal(origin("10.0.0.1", ["Forwarded", "for=6.6.6.6, for=198.51.100.2;proto=https"]).client, "198.51.100.2");
  assert.equal(origin("10.0.0.1", ["Forwarded", "for=6.6.6.6;proto=https, for=198.51.100.2"]).scheme, "http");
  assert.equal(origin("10.0.0.1", ["Forwarded", "for=1.2.3.4; ="]).client, "10.0.0.1");
});

test("nothing that a proxy says becomes more than a value of a header, and who is not trusted never changes who asks", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'1.2:[]"\\;,=% forprtohsx10{}', "\t", "fe80::1%", "::1"), maxLength: 40 }),
    fc.constantFrom("for=1.1.1.1", "10.0.0.2, 10.0.0.3"),
  );
  const header = fc.tuple(fc.constantFrom("Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "x-forwarded-port"), text);
  fc.assert(
    fc.property(fc.array(header, { maxLength: 5 }), fc.constantFrom("10.0.0.1", "203.0.113.9"), (list, peer) => {
      const found = origin(peer, list.flat());
      for (const one of found.headers) assert.match(one, /^[\t -~]*$/);
      assert.equal(found.headers.length % 2, 0);
      assert.notEqual(parseAddress(found.client), undefined);
      assert.match(found.client, /^[0-9a-f.:]+$/i);
      if (peer.startsWith("203")) assert.equal(found.client, peer);
      assert.ok(value(found, "x-forwarded-for")?.endsWith(peer));
    }),
    { numRuns: 5000 },
  );
});

test("one hop is written as a chain of one is", () => {
  for (const host of ["www.example.org", "www.example.org:8443", undefined])
    for (const peer of ["203.0.113.9", "2001:db8::1"]) {
      const [own, trustedToo] = [new AddressRanges([]), new AddressRanges([peer])].map((ranges) =>
        readOrigin({ peer, isTls: true, host, forwarded: ["x-forwarded-for", ""], trusted: ranges }),
      );
      assert.deepEqual(own, trustedToo);
    }
});

test("a long chain costs what its length costs", () => {
  const startedMs = performance.now();
  for (const chain of [`${"10.0.0.2,".repeat(1600)}`, '"'.repeat(16_000), `${"for=1;".repeat(2600)}`, `${"a=\\".repeat(4000)}`])
    for (const name of ["x-forwarded-for", "forwarded"]) origin("10.0.0.1", [name, chain]);
  assert.ok(performance.now() - startedMs < 500);
});
