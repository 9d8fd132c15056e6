import assert from "node:assert/strict";
import { request, validateHeaderName, validateHeaderValue } from "node:http";
import test from "node:test";
import fc from "fast-check";
import type { z } from "zod";
import { checkManifest } from "./all-kinds.ts";
import { headerName, headerValue, listenAddress, matchedHost, matchedPath, sentHost, sentPath, sentPrefix } from "./http-text.ts";
import { readPath, readWrittenPath } from "./request-path.ts";
import { ramp } from "./update.ts";

/** Text that is nearly right, and any other. */
function near(seed: string): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(
      ...seed,
      "/",
      "//",
      ".",
      "..",
      "%",
      "%2e",
      "%41",
      "%00",
      "%zz",
      ";",
      "\\",
      "?",
      "#",
      ":",
      "*",
      " ",
      "\t",
      "\r",
      "\n",
      "\0",
      "\u007f",
    ),
    fc.constantFrom("é", "ÿ", "地面站", "\u2028", "\ud800", "😀", "*.", "[::1]", "127.1", ":80", ".."),
    fc.string({ unit: "binary", maxLength: 3 }),
  );
  return fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
}

const nearPath = (seed: string): fc.Arbitrary<string> =>
  fc.oneof(
    near(seed),
    near(seed).map((text) => `/${text}`),
  );

/** Sends nothing: Node refuses what it cannot send when the request is made. */
function make(path: string, headers: Readonly<Record<string, string>>): void {
  const made = request({ host: "127.0.0.1", port: 1, path, headers, createConnection: () => undefined as never });
  made.on("error", () => {});
  made.destroy();
}

const accepts = (schema: z.ZodType, text: string): boolean => schema.safeParse(text).success;

test("whatever the model allows as a header, path or host, Node's HTTP takes as it is", () => {
  const counts = { name: 0, value: 0, path: 0, host: 0 };
  fc.assert(
    fc.property(near("x-A~!1"), near("ab, =;"), nearPath("/health/a~b"), near("example.org"), (name, value, path, host) => {
      if (accepts(headerName, name)) {
        counts.name++;
        validateHeaderName(name);
      }
      if (accepts(headerValue, value)) {
        counts.value++;
        validateHeaderValue("x", value);
        assert.equal(value, value.trim());
      }
      for (const schema of [sentPath, sentPrefix]) {
        if (!accepts(schema, path)) continue;
        counts.path++;
        make(path, {});
        assert.equal(new URL(path, "http://a").host, "a");
      }
      if (accepts(sentHost, host)) {
        counts.host++;
        make("/", { host });
        assert.match(host, /^[!-~]+$/);
      }
    }),
    { numRuns: 3000 },
  );
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 50, `${what} was accepted ${count} times only`);
});

test("whatever the model allows as a path or host to match by, some request that HTTP takes matches", () => {
  let [paths, hosts] = [0, 0];
  fc.assert(
    fc.property(nearPath("/pub/卫星"), near("*.example.org"), (path, host) => {
      if (accepts(matchedPath, path)) {
        paths++;
        const sent = encodeURI(path.replace(/%(?=[0-9A-Fa-f]{2})/g, "\u0000")).replaceAll("%00", "%");
        make(sent, {});
        assert.equal(readPath(sent), readWrittenPath(path));
      }
      if (accepts(matchedHost, host)) {
        hosts++;
        const asked = host.replace(/^\*/, "x");
        make("/", { host: asked });
        assert.ok(!asked.endsWith(".") && (asked.startsWith("[") || !asked.includes(":")));
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(paths > 50 && hosts > 50, `${paths} paths, ${hosts} hosts`);
});

const messages = (spec: object): string[] =>
  checkManifest({ apiVersion: "orrery.dev/v1", kind: "Route", metadata: { name: "r" }, spec: { service: "portal", ...spec } }).violations.map(
    (one) => `${one.field}: ${one.message}`,
  );

test("a refused value comes with what to write instead", () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ filters: [{ responseHeaders: { set: { "x-title": "地面站" } } }] }, /as in %E5%9C%B0%E9%9D%A2%E7%AB%99/],
    [{ filters: [{ responseHeaders: { set: { "x-title": "a b\n" } } }] }, /line end: in YAML .* >-/],
    [{ filters: [{ responseHeaders: { set: { "x-title": "a\r\nb: c" } } }] }, /one line of ASCII/],
    [{ filters: [{ rewritePath: { prefix: "/卫星 a" } }] }, /as in \/%E5%8D%AB%E6%98%9F%20a/],
    [{ filters: [{ rewritePath: { prefix: "/a/../b" } }] }, /'\.' or '\.\.'/],
    [{ filters: [{ rewritePath: { prefix: "//evil.org/" } }] }, /one \//],
    [{ filters: [{ rewritePath: { prefix: "/a" } }, { rewritePath: { prefix: "/b" } }] }, /one rewritePath/],
    [{ filters: [{ rewriteHost: { host: "http://inner.example/" } }] }, /write inner\.example/],
    [{ filters: [{ rewriteHost: { host: "a b" } }] }, /a host name/],
    [{ filters: [{ rewriteHost: { host: "卫星.example" } }] }, /write xn--/],
    [{ filters: [{ requestHeaders: { set: { Host: "a" } } }] }, /rewriteHost/],
    [{ filters: [{ responseHeaders: { remove: ["content-length"] } }] }, /where the body ends/],
    [{ filters: [{ responseHeaders: { set: { "Transfer-Encoding": "chunked" } } }] }, /where the body ends/],
    [{ filters: [{ requestHeaders: { remove: ["TraceParent"] } }] }, /carries the transaction/],
    [{ filters: [{ requestHeaders: { set: { "X-Orrery-Generation": "1" } } }] }, /carries the transaction/],
    [{ filters: [{ requestHeaders: { set: { "X-Forwarded-Proto": "https" } } }] }, /trustedProxies/],
    [{ filters: [{ requestHeaders: { set: { X_Forwarded_For: "1.1.1.1" } } }] }, /trustedProxies/],
    [{ filters: [{ requestHeaders: { set: { Content_Length: "1" } } }] }, /where the body ends/],
    [{ filters: [{ requestHeaders: { set: { "X-A": "1", "x-a": "2" } } }] }, /set twice/],
    [{ filters: [1, 2, 3].map((n) => ({ requestHeaders: { set: { [`x-${n}`]: "v".repeat(4000) } } })) }, /at most 8192/],
    [{ host: "Example.org." }, /write example\.org/],
    [{ host: "example.org:8080" }, /write example\.org/],
    [{ host: "*" }, /leave host out/],
    [{ host: "www.*.org" }, /a host name/],
    [{ host: "[0:0::1]" }, /write \[::1\]/],
    [{ path: { prefix: "/a?b=1" } }, /without a query/],
    [{ path: { prefix: "/a;v=1" } }, /takes no part/],
    [{ path: { prefix: "/a/../b" } }, /'\.' or '\.\.'/],
    [{ path: { exact: "/100%" } }, /write %25/],
    [{ methods: [] }, /at least one method/],
    [{ headers: [{ name: "Host", value: "a" }] }, /never matches/],
    [{ headers: [{ name: "x", value: "a\n" }] }, /line end/],
    [{ tcp: { port: 0 } }, /at least 1/],
    [{ tcp: { port: 5000, address: "eth0" } }, /IPv4 or IPv6/],
    [{ tcp: { port: 5000 }, host: "a" }, /no host/],
  ];
  for (const [spec, expected] of cases) {
    const found = messages(spec);
    assert.ok(
      found.some((one) => expected.test(one)),
      `${JSON.stringify(spec)}: ${JSON.stringify(found)}`,
    );
  }
});

test("what was right stays right", () => {
  for (const spec of [
    { host: "WWW.Example.org", path: { prefix: "/卫星" }, headers: [{ name: "x-a", value: "" }] },
    { host: "*.example.org", path: { exact: "/a%20b/.well-known/ü" }, filters: [{ rewritePath: { prefix: "/" } }] },
    { host: "[::1]", filters: [{ rewriteHost: { host: "[::1]:80" } }, { responseHeaders: { set: { "x-a": 'a; b="c"' }, remove: ["server"] } }] },
    { tcp: { port: 5000, address: "::" } },
  ])
    assert.deepEqual(messages(spec), []);
  assert.ok(accepts(listenAddress, "localhost"));
  for (const path of ["/", "/health?full=1&x=[a]", "/a%2Fb;x=1", "/-/ready"]) assert.ok(accepts(sentPath, path), path);
  for (const path of ["health", "//x", "/a b", "/健康", "/a\n", "/%", "/a#b", "/a?b#c"]) assert.ok(!accepts(sentPath, path), path);
});

test("a ramp is keyed by what clients send, not by what the gateway writes", () => {
  for (const key of ["client", "cookie:session", "header:X-User"]) assert.ok(accepts(ramp, { key } as unknown as string), key);
  for (const key of ["header:X-Forwarded-For", "header:Host", "header:traceparent", "header:x_forwarded_for"])
    assert.match(ramp.safeParse({ key }).error?.issues[0]?.message ?? "", /the gateway's own/, key);
});
