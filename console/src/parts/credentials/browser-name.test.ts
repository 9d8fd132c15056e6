import assert from "node:assert/strict";
import { test } from "node:test";
import { browserName } from "./browser-name.ts";

test("browsers say many names of which one is theirs; a program of one's own is called as it calls itself", () => {
  const of = (system: string, rest: string): string | undefined => browserName(`Mozilla/5.0 (${system}) ${rest}`);
  assert.equal(of("Windows NT 10.0; Win64; x64", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"), "Edge · Windows");
  assert.equal(of("X11; Linux x86_64; rv:140.0", "Gecko/20100101 Firefox/140.0"), "Firefox · Linux");
  assert.equal(of("Macintosh; Intel Mac OS X 10_15_7", "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"), "Safari · macOS");
  assert.equal(of("Linux; Android 15; Pixel 9", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"), "Chrome · Android");
  assert.equal(browserName("curl/8.5.0"), "curl/8.5.0");
  assert.equal(browserName(`<b>${"x".repeat(100)}`), `<b>${"x".repeat(57)}…`);
  assert.equal(browserName(" "), undefined);
  assert.equal(browserName(undefined), undefined);
});
