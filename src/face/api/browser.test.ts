import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { type BrowserRules, checkOrigin, cookieName, cookieOf, knownCookie, sessionCookie } from "./browser.ts";
import type { Request } from "./exchange.ts";

const rules: BrowserRules = { site: "0a1b2c3d", hosts: () => ["centre-1"], publicUrl: () => "https://console.example" };

function request(headers: Readonly<Record<string, string>>): Request {
  return { headers, socket: { localPort: 7480 } } as unknown as Request;
}

function verdict(headers: Readonly<Record<string, string>>): string {
  try {
    checkOrigin(request({ host: "127.0.0.1:7480", ...headers }), rules);
    return "passes";
  } catch (error) {
    assert.ok(isOrreryError(error, "api/cross-origin"));
    return error.message;
  }
}

test("pages of the same origin pass, all others do not: another port, another host, another site, no origin at all", () => {
  for (const headers of [
    {},
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
    { origin: "http://127.0.0.1:7480" },
    { host: "localhost:9000", origin: "http://localhost:9000" },
    { host: "[::1]:7480", origin: "http://[::1]:7480" },
    // Behind a proxy that hands the name on, and one that does not.
    { host: "console.example", origin: "https://console.example" },
    { host: "127.0.0.1:7480", origin: "https://console.example" },
    { host: "console.example:443", origin: "https://console.example" },
    { host: "127.0.0.1:7480", origin: "https://console.example", "sec-fetch-site": "same-origin" },
    { host: "centre-1:7480", origin: "http://centre-1:7480" },
    { host: "CENTRE-1.:7480" },
  ])
    assert.equal(verdict(headers), "passes", JSON.stringify(headers));
  for (const headers of [
    { "sec-fetch-site": "same-site", origin: "http://127.0.0.1:7480" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "anything new" },
    { origin: "http://127.0.0.1:8080" },
    { origin: "http://localhost:7480" },
    { origin: "null" },
    { origin: "" },
    { origin: "http://evil.example" },
    { origin: "https://console.example.evil.example" },
    { origin: "https://console.example:8443" },
    { origin: "http://console.example" },
    { origin: "chrome-extension://abc" },
    { host: "evil.example:7480" },
    { host: "evil.example:7480", origin: "http://evil.example:7480", "sec-fetch-site": "same-origin" },
    { host: "127.0.0.1.evil.example" },
  ])
    assert.notEqual(verdict(headers), "passes", JSON.stringify(headers));
});

test("a refusal names the host and the origin that were seen, and the setting that would allow it", () => {
  const message = verdict({ host: "console.corp:8443", origin: "https://console.corp:8443" });
  for (const part of ["Host: console.corp:8443", "Origin: https://console.corp:8443", "publicUrl", '"publicUrl":"https://console.corp:8443"'])
    assert.ok(message.includes(part), message);
});

test("whatever stands in its head, a request is judged, and nothing of it comes back as a control character", () => {
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.webUrl(), fc.constantFrom("null", "http://", "//", "[", "[::", "https://@", "a:b:c"));
  fc.assert(
    fc.property(fc.record({ host: value, origin: value, "sec-fetch-site": value }, { requiredKeys: [] }), (headers) => {
      assert.match(verdict(headers), /^[\x20-\x7e]*$/);
    }),
  );
});

test("a cookie is found by its whole name, and is nothing that we have not made", () => {
  const name = cookieName(rules, request({}));
  assert.equal(name, "orrery-0a1b2c3d-7480");
  const found = (cookie: string): string | undefined => cookieOf(request({ cookie }), name);
  assert.equal(found(`a=b; ${name}=x.y; c=d`), "x.y");
  assert.equal(found(`${name}=first; ${name}=second`), "first");
  for (const cookie of ["", name, `${name}=`, `x${name}=1`, `${name}-known=1`, `${name}=a b`, `${name}=${"x".repeat(300)}`, `${name}="x"`])
    assert.equal(found(cookie), undefined, cookie);
});

test("cookies are for this host alone, no script reads them, no other page sends them, and TLS alone carries those of TLS", () => {
  const change = { name: "orrery-0a1b2c3d-7480", value: "x.y", isSecure: false };
  assert.equal(sessionCookie(change), "orrery-0a1b2c3d-7480=x.y; Path=/; HttpOnly; SameSite=Strict");
  assert.match(sessionCookie({ ...change, isSecure: true }), /; Secure$/);
  assert.match(sessionCookie({ name: change.name, isSecure: false }), /=; .*Max-Age=0/);
  assert.match(knownCookie(change), /^orrery-0a1b2c3d-7480-known=x\.y; Path=\/login; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
});
