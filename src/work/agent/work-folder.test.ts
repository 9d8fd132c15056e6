import assert from "node:assert/strict";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it, test } from "node:test";
import { InstanceFolder } from "./instance-folder.ts";
import { prepareWorkFolder, RENDERED_BYTES_MAX } from "./work-folder.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-work-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** An artifact with these files, and a folder to work in. */
function make(files: Readonly<Record<string, string | Buffer>>): { readonly artifact: string; readonly work: string } {
  const artifact = path.join(root, `artifacts ${++count}`, String(count).padStart(64, "0"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.join(artifact, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(artifact, name), content, { mode: name.endsWith(".sh") ? 0o555 : 0o444 });
  }
  return { artifact, work: path.join(root, `work-${count}`) };
}
const read = (work: string, name: string): string => readFileSync(path.join(work, name), "utf8");

describe("an instance's folder", () => {
  it("has a link for each entry of its files, and the rendered ones as copies that only their user reads", () => {
    const { artifact, work } = make({
      "main.ts": "m",
      "conf/a.conf": "port ${PORT}",
      "conf/b.conf": "b ${PORT}",
      "conf/d/x": "x",
      "run.sh": "echo ${PORT}",
    });
    prepareWorkFolder(work, { artifact, rendered: ["conf/a.conf", "run.sh"], values: { PORT: "80" } });
    assert.deepEqual(readdirSync(work).sort(), ["conf", "main.ts", "run.sh"]);
    assert.ok(lstatSync(path.join(work, "main.ts")).isSymbolicLink());
    assert.ok(lstatSync(path.join(work, "conf")).isDirectory());
    assert.equal(read(work, "conf/a.conf"), "port 80");
    assert.equal(statSync(path.join(work, "conf/a.conf")).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(work, "run.sh")).mode & 0o777, 0o700);
    assert.equal(read(work, "conf/b.conf"), "b ${PORT}");
    assert.equal(read(work, "conf/d/x"), "x");
    assert.equal(read(artifact, "conf/a.conf"), "port ${PORT}");
  });

  it("is the same after a second start, with the values of then and what the service has written", () => {
    const { artifact, work } = make({ "conf/a.conf": "port ${PORT}", "conf/b.conf": "b", main: "m" });
    const at = (port: string): void => prepareWorkFolder(work, { artifact, rendered: ["conf/a.conf"], values: { PORT: port } });
    at("80");
    writeFileSync(path.join(work, "conf/own"), "mine");
    writeFileSync(path.join(work, "conf/a.conf"), "edited");
    symlinkSync(path.join(artifact, "main"), path.join(work, "conf/mine"));
    at("81");
    assert.equal(read(work, "conf/a.conf"), "port 81");
    assert.equal(read(work, "conf/own"), "mine");
    assert.equal(read(work, "conf/mine"), "m");
    assert.deepEqual(readdirSync(path.join(work, "conf")).sort(), ["a.conf", "b.conf", "mine", "own"]);
  });

  it("leads to the volumes of its own data folder, also after that was moved or copied, and never takes a link of the service for one of them", () => {
    const { work } = make({});
    const volume = (data: string, name: string): string => path.join(data, "agent/volumes/default/db", name, "0");
    const at = (data: string): void =>
      prepareWorkFolder(work, { rendered: [], values: {}, volumes: { data: volume(data, "data"), "var/x": volume(data, "x") } });
    at("/old");
    at("/new 数据");
    assert.deepEqual(
      ["data", "var/x"].map((place) => readlinkSync(path.join(work, place))),
      [volume("/new 数据", "data"), volume("/new 数据", "x")],
    );
    for (const own of ["/srv/data", volume("/old", "x"), "0"]) {
      rmSync(path.join(work, "data"));
      symlinkSync(own, path.join(work, "data"));
      assert.throws(() => at("/old"), /where the volume data should stand/, own);
      assert.equal(readlinkSync(path.join(work, "data")), own);
    }
  });

  it("is refused where the service has put something else in the place of its files", () => {
    const { artifact, work } = make({ "conf/a.conf": "x", "conf/b.conf": "b", main: "m" });
    const prepare = (): void => prepareWorkFolder(work, { artifact, rendered: ["conf/a.conf"], values: {} });
    mkdirSync(work, { recursive: true });
    const secret = path.join(root, "secret");
    writeFileSync(secret, "s");
    const putIn = (name: string, put: (place: string) => void): void => {
      mkdirSync(path.join(work, path.dirname(name)));
      put(path.join(work, name));
    };
    for (const [name, put] of [
      ["main", () => writeFileSync(path.join(work, "main"), "own")],
      ["conf", () => writeFileSync(path.join(work, "conf"), "own")],
      ["conf", () => symlinkSync(root, path.join(work, "conf"))],
      ["conf/b.conf", () => putIn("conf/b.conf", (place) => writeFileSync(place, "own"))],
      ["conf/a.conf", () => putIn("conf/a.conf", (place) => symlinkSync(secret, place))],
      ["conf/a.conf", () => mkdirSync(path.join(work, "conf/a.conf"), { recursive: true })],
    ] as const) {
      rmSync(work, { recursive: true });
      mkdirSync(work);
      put();
      assert.throws(prepare, { code: "agent/work-folder" }, name);
    }
    assert.equal(readFileSync(secret, "utf8"), "s");
  });

  it("refuses to render what is no text, too large, or not there", () => {
    const { artifact, work } = make({
      zero: "a\0b",
      latin: Buffer.from([0x61, 0xe9, 0x0a]),
      large: "x".repeat(RENDERED_BYTES_MAX + 1),
      grows: "${A}${A}",
      "d/x": "x",
    });
    const values = { A: "y".repeat(RENDERED_BYTES_MAX / 2 + 1) };
    for (const [name, what] of [
      ["zero", /zero is no UTF-8 text/],
      ["latin", /latin is no UTF-8 text/],
      ["large", /large is larger than 1048576 bytes/],
      ["grows", /grows becomes larger than/],
      ["d", /d: render is for single files/],
      ["none", /none: render is for single files/],
    ] as const)
      assert.throws(() => prepareWorkFolder(work, { artifact, rendered: [name], values }), { code: "agent/render", message: what });
  });
});

test("a working folder outside of the instance's is refused, also where a store from elsewhere asks for it", () => {
  const folder = new InstanceFolder("/nowhere", "x");
  assert.throws(() => folder.workingDir("../.."), /run\.workingDir: "\.\.\/\.\." leaves the instance's folder/);
  assert.equal(folder.workingDir("a/../b"), "/nowhere/x/work/b");
});
