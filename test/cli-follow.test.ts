import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#/base/index.ts";
import { run } from "#/face/cli/rig.ts";
import { type Resource, resource } from "#/model/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const thing = (name: string, more: object = {}) => ({ metadata: { name }, spec: { id: name, type: "thing", ...more } });

/** Runs a command that goes on, against a real API: each step is done when the output shows what it awaits; at the end of the steps it is ended as by Ctrl-C. */
async function follow(site: ApiSite, args: readonly string[], steps: readonly (readonly [RegExp, () => unknown])[]): Promise<string> {
  const ending = new AbortController();
  let next = 0;
  const { out, status, note } = await run(args, {
    client: () => site.client(),
    clock: systemClock,
    signal: ending.signal,
    onOut: (text) => {
      const step = steps[next];
      if (step === undefined || !step[0].test(text)) return;
      next++;
      if (next === steps.length) ending.abort();
      void step[1]();
    },
  });
  assert.deepEqual([status, note], [0, ""]);
  return out;
}

test("get -w shows the table, then a row for each change, also of one object and as JSON", async (t) => {
  const site = await openApiSite(t);
  await site.store.create(resource, thing("a"));
  const watchAll = (args: readonly string[], last: RegExp): Promise<string> =>
    follow(site, args, [
      [/a/, () => site.store.create(resource, thing("b", { description: "x" }))],
      [/\bb\b/, () => site.store.delete(resource, { name: "b" })],
      [last, () => {}],
    ]);
  const table = (await watchAll(["get", "res", "-w"], /\(deleted\)/)).trimEnd().split("\n");
  assert.match(table[0] ?? "", /^NAME +ID +TYPE/);
  assert.deepEqual(
    table.slice(1).map((line) => line.split(/ +/)[0]),
    ["a", "b", "b"],
  );
  const json = (await watchAll(["get", "res", "-w", "-o", "json"], /"b"[\s\S]*\n[\s\S]*"b"/)).trimEnd().split("\n");
  assert.deepEqual(
    json.map((line) => (JSON.parse(line) as Resource).metadata.name),
    ["a", "b", "b"],
  );
  assert.equal(
    await watchAll(["get", "res", "a", "b", "-w", "-o", "name"], /b\n[\s\S]*b\n/),
    "resource.orrery.dev/a\nresource.orrery.dev/b\nresource.orrery.dev/b\n",
  );
  assert.match((await run(["get", "res,ms", "-w"], { client: () => site.client() })).note, /only one kind/);
});

test("events are those of the site, of a kind, of an object; warnings, the last minutes, and what comes", async (t) => {
  const site = await openApiSite(t);
  const dish = await site.store.create(resource, thing("dish"));
  const mast = await site.store.create(resource, thing("mast"));
  const tell = (object: Resource, type: "Normal" | "Warning", reason: string, message: string): void =>
    site.store.emit({ kind: resource, object, type, reason, message, component: "test" });
  tell(dish, "Normal", "Moved", "to the roof");
  tell(dish, "Warning", "Stuck", "in\nthe \u001b[31mwind");
  tell(mast, "Normal", "Moved", "to the yard");
  const show = async (...args: string[]): Promise<string> =>
    (await run(["events", ...args], { client: () => site.client(), clock: systemClock })).out;
  assert.match(
    await show(),
    /^SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+\S* +Normal +Moved +resource\/dish +to the roof\n.*Warning +Stuck +resource\/dish +in\\nthe \\u001b\[31mwind\n/,
  );
  for (const args of [["dish"], ["res", "dish"], ["res/dish"]]) assert.equal((await show(...args)).split("\n").length, 4, args.join(" "));
  assert.equal((await show("res")).split("\n").length, 5);
  assert.equal((await show("dish", "--warnings")).split("\n").length, 3);
  assert.equal((await show("--since", "1h")).split("\n").length, 5);
  assert.equal(await show("hosts"), "");
  assert.match(await show("-o", "wide"), /FROM +FIRST[\s\S]* test /);
  assert.deepEqual(JSON.parse(await show("-o", "json")).items.length, 3);
  assert.match(await show("-o", "name"), /^event\/dish\.\w+\n/);
  assert.equal((await run(["events", "a", "b", "c"], { client: () => site.client() })).status, 2);
  const seen = await follow(
    site,
    ["events", "mast", "-w"],
    [
      [/to the yard/, () => tell(mast, "Warning", "Fell", "over")],
      [/Fell/, () => {}],
    ],
  );
  assert.match(seen, /^SEEN.*\n.*to the yard\n.*Warning +Fell +resource\/mast +over\n$/);
});

test("a watch goes on where it was after the centre was away", async (t) => {
  const site = await openApiSite(t);
  await site.store.create(resource, thing("a"));
  const out = await follow(
    site,
    ["get", "res", "-w", "-o", "name", "-l", "!none"],
    [
      [/a\n/, () => site.store.create(resource, thing("b"))],
      [/b\n/, () => {}],
    ],
  );
  assert.equal(out, "resource.orrery.dev/a\nresource.orrery.dev/b\n");
});
