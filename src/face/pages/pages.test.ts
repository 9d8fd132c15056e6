import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { ManualClock, silentLog } from "#/base/index.ts";
import { createPages, type Page, type Pages } from "./index.ts";

const [OLD, NEW] = ["a".repeat(32), "b".repeat(32)];

function build(folder: string, hash: string, files: Readonly<Record<string, string>>, atSeconds: number): void {
  mkdirSync(join(folder, hash, "assets"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, hash, name), text);
  utimesSync(join(folder, hash, "index.html"), atSeconds, atSeconds);
}

function open(t: Pick<TestContext, "after">): { readonly folder: string; readonly clock: ManualClock; readonly create: () => Pages } {
  const folder = mkdtempSync(join(tmpdir(), "orrery-pages-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new ManualClock();
  return { folder, clock, create: () => createPages({ folder, clock, log: silentLog }) };
}

function ask(pages: Pages, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
  return pages.answer({ path: path.split("/").filter((part) => part !== ""), header: (name) => headers[name] });
}

test("a file is immutable for its name and comes in the form that the browser takes", async (t) => {
  const { folder, create } = open(t);
  build(folder, NEW, { "index.html": "<p>new", "assets/a-1.js": "plain", "assets/a-1.js.br": "brotli", "assets/a-1.js.gz": "gzip" }, 20);
  const pages = create();
  for (const [accepted, encoding, text] of [
    ["gzip, deflate, br, zstd", "br", "brotli"],
    ["gzip", "gzip", "gzip"],
    ["br;q=0, gzip;q=0.5", "gzip", "gzip"],
    ["identity", undefined, "plain"],
  ] as const) {
    const page = await ask(pages, "assets/a-1.js", { "accept-encoding": accepted });
    assert.deepEqual([page.status, String(page.text), page.headers["content-encoding"]], [200, text, encoding]);
    assert.match(page.headers["cache-control"] ?? "", /immutable/);
    assert.equal(page.contentType, "text/javascript; charset=utf-8");
  }
  const { headers } = await ask(pages, "assets/a-1.js");
  assert.equal((await ask(pages, "assets/a-1.js", { "if-none-match": `"x", W/${headers["etag"]}` })).status, 304);
  assert.equal((await ask(pages, "assets/a-1.js.br")).status, 404, "only with its encoding");
});

test("every path that is no file is the one page, which is asked for again each time", async (t) => {
  const { folder, create } = open(t);
  build(folder, NEW, { "index.html": "<p>new" }, 20);
  const pages = create();
  for (const path of ["", "services/default/portal", "resources/antenna.1", "a.js/b"]) {
    const page = await ask(pages, path, { "sec-fetch-dest": "document" });
    assert.deepEqual([page.status, page.text, page.headers["cache-control"]], [200, "<p>new", "no-cache"], path);
    assert.equal((await ask(pages, path, { "if-none-match": page.headers["etag"] ?? "" })).status, 304);
  }
  const moved = await pages.answer({ path: undefined, header: () => undefined });
  assert.deepEqual([moved.status, moved.headers["location"]], [308, "/console/"]);
});

test("what is missing is 404 and never a page, wherever a script, style or picture is asked for", async (t) => {
  const { folder, create } = open(t);
  build(folder, NEW, { "index.html": "<p>new" }, 20);
  const pages = create();
  for (const [path, use] of [
    ["assets/gone-1.js", undefined],
    ["assets/gone", "document"],
    ["services/x.css", undefined],
    ["services/x", "script"],
    ["services/x", "style"],
    ["services/x", "worker"],
    ["x.webmanifest", "manifest"],
  ] as const) {
    const page = await ask(pages, path, use === undefined ? {} : { "sec-fetch-dest": use });
    assert.deepEqual([page.status, page.contentType, page.headers["cache-control"]], [404, "text/plain; charset=utf-8", "no-store"], path);
  }
});

test("pages that are open while the console is built anew find the chunks of their build", async (t) => {
  const { folder, create } = open(t);
  build(folder, OLD, { "index.html": "<p>old", "assets/old-1.js": "old" }, 10);
  build(folder, NEW, { "index.html": "<p>new", "assets/new-1.js": "new" }, 20);
  // What is being built, or was broken off, has no page yet.
  mkdirSync(join(folder, "c".repeat(32), "assets"), { recursive: true });
  const pages = create();
  assert.equal((await ask(pages, "")).text, "<p>new");
  assert.equal(String((await ask(pages, "assets/old-1.js")).text), "old");
  assert.equal(String((await ask(pages, "assets/new-1.js")).text), "new");
});

test("a site without a built console says how it comes there, and finds it once it is", async (t) => {
  const { folder, clock, create } = open(t);
  const pages = create();
  const missing = await ask(pages, "");
  assert.deepEqual([missing.status, missing.contentType], [503, "text/plain; charset=utf-8"]);
  assert.match(String(missing.text), /tools\/setup\.sh/);
  build(folder, NEW, { "index.html": "<p>new" }, 20);
  clock.advance(2_000);
  assert.equal((await ask(pages, "")).text, "<p>new");
});

test("no path leads out of the builds, and every answer has the policy", async (t) => {
  const { folder, create } = open(t);
  build(folder, NEW, { "index.html": "<p>new", "assets/a-1.js": "plain" }, 20);
  writeFileSync(join(folder, "secret.txt"), "secret");
  const pages = create();
  const part = fc.oneof(
    fc.constantFrom("..", ".", "assets", "a-1.js", "secret.txt", NEW, "index.html", "a\0", "__proto__", ""),
    fc.string({ maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), fc.option(fc.string()), async (path, tag) => {
      const page = await pages.answer({ path, header: (name) => (name === "if-none-match" ? (tag ?? undefined) : undefined) });
      assert.ok([200, 304, 404].includes(page.status));
      assert.ok(["<p>new", "plain", ""].includes(String(page.text)) || page.status === 404, String(page.text));
      const policy = page.headers["content-security-policy"] ?? "";
      for (const word of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) assert.ok(policy.includes(word));
      assert.ok(!policy.includes("unsafe"));
    }),
  );
});
