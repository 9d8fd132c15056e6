import assert from "node:assert/strict";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { BASE, run } from "./rig.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-volumes-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

const volumeOf = (service: string, host = "here") => ({
  metadata: { name: `${service}.data.0`, namespace: "default" },
  spec: { service, volume: "data", slot: 0, host },
});
const instanceOf = (service: string, phase: string, more: object = {}) => ({
  metadata: { name: `${service}-v1-0`, namespace: "default" },
  spec: { service, slot: 0, duty: "active", volumes: [{ name: "data", backup: true }], scripts: [], ...more },
  status: { phase },
});

/** A data folder with these volumes, each with a file, and a backup that the centre has made. */
function makeSite(...services: string[]): { readonly data: string; readonly made: string; readonly answers: Record<string, unknown> } {
  const data = path.join(root, `site ${++count}`);
  for (const service of services) {
    const folder = path.join(data, "agent/volumes/default", service, "data/0");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "rows"), `rows of ${service}`);
  }
  const made = path.join(data, "made.db");
  writeFileSync(made, "tree");
  return { data, made, answers: { "POST /backup": { file: made, bytes: 4 } } };
}

test("volume ls says what there is, where, and who uses it; rm removes, and passes on why not", async () => {
  const answers = {
    [`GET ${BASE}/volumes`]: { items: [{ ...volumeOf("pg"), status: { folder: "/d/pg" } }, volumeOf("old")] },
    [`GET ${BASE}/instances`]: { items: [instanceOf("pg", "Running")] },
  };
  const { out } = await run(["volume", "ls"], { answers });
  assert.match(out, /old\.data\.0 +here +- +-\npg\.data\.0 +here +pg-v1-0 +\/d\/pg/);
  const requests: ClientRequest[] = [];
  const removed = await run(["volume", "rm", "old.data.0"], { answers: { [`DELETE ${BASE}/volumes/old.data.0`]: {} }, requests });
  assert.deepEqual([removed.status, requests.map(({ method }) => method)], [0, [undefined, "DELETE"]]);
  const used = new OrreryError("store/immutable", "volume pg.data.0 is not removed: pg-v1-0 uses it");
  const refused = await run(["volume", "rm", "pg.data.0"], { answers: { [`DELETE ${BASE}/volumes/pg.data.0`]: used } });
  assert.deepEqual([refused.status, refused.note], [1, "error: volume pg.data.0 is not removed: pg-v1-0 uses it\n"]);
  assert.match((await run(["volume", "rm", "nothing"])).note, /no volume called "nothing"/);
  assert.match((await run(["volume", "rm"])).note, /name the volume/);
});

test("a backup has the volumes that nothing uses, whole; a restore puts them back and keeps what was there", async () => {
  const { data, made, answers } = makeSite("pg", "off");
  // On another disk, by a link in its place.
  const off = path.join(data, "agent/volumes/default/off/data/0");
  renameSync(off, path.join(data, "disk"));
  symlinkSync(path.join(data, "disk"), off);
  const file = path.join(root, `kept ${count}.db`);
  const { status, out } = await run(["backup", file, "--data", data], {
    answers: {
      ...answers,
      [`GET ${BASE}/volumes`]: { items: [volumeOf("pg"), volumeOf("off")] },
      [`GET ${BASE}/instances`]: { items: [instanceOf("off", "Stopped")] },
    },
  });
  assert.equal(status, 0);
  assert.match(out, /with 2 volumes in .*\.volumes/);
  assert.equal(readFileSync(`${file}.volumes/default/off/data/0/rows`, "utf8"), "rows of off");
  assert.equal(lstatSync(`${file}.volumes/default/off/data/0`).isDirectory(), true);
  writeFileSync(path.join(data, "agent/volumes/default/pg/data/0/rows"), "later");
  const restored = await run(["restore", file, "--data", data]);
  assert.equal(restored.status, 0);
  assert.match(restored.out, /volume default\/pg\/data\/0: put back/);
  assert.equal(readFileSync(path.join(data, "agent/volumes/default/pg/data/0/rows"), "utf8"), "rows of pg");
  assert.equal(readFileSync(path.join(data, "agent/volumes/default/pg/data/0.before-restore/rows"), "utf8"), "later");
  assert.equal(readFileSync(made, "utf8"), "tree");
});

test("of what runs, a backup has the dump that its script makes, and says what it has not", async () => {
  const { data, answers } = makeSite("pg", "raw", "cache", "broken");
  const file = path.join(root, `kept ${count}.db`);
  mkdirSync(path.join(data, "agent/volumes/default/pg/data/0/backup"));
  writeFileSync(path.join(data, "agent/volumes/default/pg/data/0/backup/dump.sql"), "dump");
  const scripts = { scripts: [{ name: "backup" }] };
  const { status, note } = await run(["backup", file, "--data", data], {
    answers: {
      ...answers,
      [`GET ${BASE}/volumes`]: { items: [volumeOf("pg"), volumeOf("raw"), volumeOf("cache"), volumeOf("broken"), volumeOf("far", "there")] },
      [`GET ${BASE}/instances`]: {
        items: [
          instanceOf("pg", "Running", scripts),
          instanceOf("raw", "Running"),
          instanceOf("broken", "Running", scripts),
          instanceOf("cache", "Running", { volumes: [{ name: "data", backup: false }] }),
        ],
      },
      [`POST ${BASE}/instances/pg-v1-0/scripts/backup`]: [{ exitCode: 0, output: "" }],
      [`POST ${BASE}/instances/broken-v1-0/scripts/backup`]: [{ exitCode: 3, output: "no room\n" }],
    },
  });
  assert.equal(status, 1);
  assert.match(
    note,
    /volume raw\.data\.0: raw-v1-0 uses it, and its service has no script backup: stop the service \(orrery stop --data \S+.* raw\)/,
  );
  assert.match(note, /volume broken\.data\.0: the script backup of broken-v1-0 ended with exit status 3: no room/);
  assert.match(note, /volume far\.data\.0: it is on host there/);
  assert.equal(note.includes("cache"), false);
  assert.equal(readFileSync(`${file}.volumes/default/pg/data/0/dump.sql`, "utf8"), "dump");
  writeFileSync(path.join(data, "agent/volumes/default/pg/data/0/backup/dump.sql"), "newer");
  const restored = await run(["restore", file, "--data", data]);
  assert.match(restored.out, /its dump was put into .*the service has to read it/);
  assert.equal(readFileSync(path.join(data, "agent/volumes/default/pg/data/0/backup/dump.sql"), "utf8"), "dump");
  assert.equal(readFileSync(path.join(data, "agent/volumes/default/pg/data/0/rows"), "utf8"), "rows of pg");
});

test("a backup that has nowhere to go is not made, and the refusal says what to do", async () => {
  const { data, made, answers } = makeSite("pg");
  const folder = path.join(root, `to ${count}`);
  mkdirSync(path.join(folder, "kept.db.volumes"), { recursive: true });
  writeFileSync(path.join(folder, "file"), "mine");
  writeFileSync(path.join(folder, "kept.db.volumes", "photo"), "mine");
  symlinkSync("circle", path.join(folder, "circle"));
  for (const [to, words] of [
    [path.join(folder, "nosuch", "dir"), /there is no folder .*nosuch; make it first/],
    [folder, /it is a folder; name a file in it, such as .*site\.db/],
    [`${folder}/`, /it is a folder/],
    [path.join(folder, "file", "x.db"), /no folder/],
    [path.join(folder, "x".repeat(300)), /longer than the file system takes/],
    [path.join(folder, "circle"), /in a circle/],
    ["/proc/x.db", /./],
    [path.join(folder, "kept.db"), /kept\.db\.volumes: something else stands there/],
    [path.join(data, "state", "tree.db"), /in the data folder, among the files of the site/],
    [data, /in the data folder|is a folder/],
  ] as const) {
    const requests: ClientRequest[] = [];
    const { status, out, note } = await run(["backup", to, "--data", data], { answers, requests });
    assert.deepEqual([status, out], [1, ""], to);
    assert.match(note, /^error: cannot write /);
    assert.match(note, words);
    assert.doesNotMatch(note, /ENOENT|EISDIR|ENOTDIR|copyfile/);
    // What a kernel file system says only when it is tried.
    if (!to.startsWith("/proc")) assert.equal(requests.length, 0, to);
  }
  assert.equal(readFileSync(path.join(folder, "kept.db.volumes", "photo"), "utf8"), "mine");
  assert.equal(readFileSync(path.join(folder, "file"), "utf8"), "mine");
  const away = { ...answers, "POST /backup": { file: `${made}.gone`, bytes: 4 } };
  assert.match((await run(["backup", path.join(folder, "file"), "--data", data], { answers: away })).note, /is not on this machine/);
  assert.equal(readFileSync(path.join(folder, "file"), "utf8"), "mine");
  assert.deepEqual(readdirSync(folder).toSorted(), ["circle", "file", "kept.db.volumes"]);
});

test("a backup replaces the one before, at the end of a link, too, for nobody else to read", async () => {
  const { data, answers } = makeSite("pg");
  const folder = path.join(root, `again ${count}`);
  mkdirSync(folder);
  writeFileSync(path.join(folder, "real.db"), "before", { mode: 0o644 });
  symlinkSync("real.db", path.join(folder, "link.db"));
  const volumes = { ...answers, [`GET ${BASE}/volumes`]: { items: [volumeOf("pg")] }, [`GET ${BASE}/instances`]: { items: [] } };
  for (let times = 0; times < 2; times++) {
    const { status, note } = await run(["backup", path.join(folder, "link.db"), "--data", data], { answers: volumes });
    assert.equal(status, 0, note);
  }
  assert.equal(readFileSync(path.join(folder, "real.db"), "utf8"), "tree");
  assert.equal(lstatSync(path.join(folder, "real.db")).mode & 0o777, 0o600);
  assert.equal(lstatSync(path.join(folder, "link.db")).isSymbolicLink(), true);
});

test("a restore of a folder is refused as such", async () => {
  const { data } = makeSite("pg");
  assert.match(
    (await run(["restore", root, "--data", data])).note,
    /^error: cannot read .*: it is a folder; give a file that `orrery backup` made\n$/,
  );
});

test("a list of volumes that leads elsewhere is refused", async () => {
  const { data, made } = makeSite("pg");
  mkdirSync(`${made}.volumes`);
  for (const place of ["../../x/y/z", "a/b/c", "a/b/../d", "/a/b/c/d"]) {
    writeFileSync(`${made}.volumes/volumes.json`, JSON.stringify([{ place, what: "whole" }]));
    const { status, note } = await run(["restore", made, "--data", data]);
    assert.equal(status, 1);
    assert.match(note, /it is damaged/);
  }
});
