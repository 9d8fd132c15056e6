import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { OrreryError, shellWord } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { objectPath } from "./kubernetes.ts";
import { oneLine, ownControl, printable } from "./printable.ts";
import { auth, BASE, run, SERVICES, UPDATE, updateIn, type World } from "./rig.ts";

/** What a terminal would obey: everything below the blank but tab and line feed, DEL, C1, and what turns the reading order. */
const OBEYED = /(?![\n\t])\p{Cc}|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const ATTACKS = [
  "\u001b]0;owned\u0007",
  "\u001b[2J\u001b[H",
  "\u001b[31mred",
  "\u001b[8mhidden",
  "\u009b31m",
  "\u009d52;c;cm0gLXJm\u009c",
  "\rall is well",
  "\b\b\bgone",
  "\u007f",
  "\u202etxt.exe",
  "\u0000",
  "a\r\nb",
];
const attack = fc.oneof(fc.constantFrom(...ATTACKS), fc.string({ unit: "binary", minLength: 1, maxLength: 20 }));

test("what is printable has nothing that a terminal obeys, and keeps our own colours alone", () => {
  const own = ownControl("31m");
  fc.assert(
    fc.property(fc.array(fc.oneof(attack, fc.constant(own)), { maxLength: 8 }), (parts) => {
      const text = printable(parts.join(""), { isTerminal: true });
      assert.equal(text.split("\u001b").length - 1, parts.filter((part) => part === own).length);
      assert.doesNotMatch(text.replaceAll("\u001b[31m", ""), OBEYED);
      const line = oneLine(parts.join(""));
      assert.doesNotMatch(printable(line, { isTerminal: true }), /\n/);
      // Seen by what measures and cuts as what it is.
      assert.doesNotMatch(stripVTControlCharacters(own), /./);
    }),
  );
});

/** `value` with `text` behind each text that is not a time, a name or a version. */
function poisoned(value: unknown, text: string): unknown {
  if (Array.isArray(value)) return value.map((one) => poisoned(one, text));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isFree =
        typeof inner === "string" && !/^\d{4}-/.test(inner) && !["name", "resourceVersion", "phase", "type", "status", "kind"].includes(key);
      return [key, isFree ? `${inner}${text}` : poisoned(inner, text)];
    }),
  );
}

const since = "2030-01-01T00:00:00Z";
const conditions = [{ type: "Ready", status: "False", reason: "NotReady", message: "no answer", lastTransitionTime: since }];
const common = {
  description: "d",
  labels: { a: "b" },
  annotations: { note: "n" },
  uid: "u",
  resourceVersion: "7",
  generation: 1,
  creationTimestamp: since,
};
const instances = {
  items: [
    {
      kind: "Instance",
      metadata: { name: "auth-v1-1-0", ...common },
      spec: { service: "auth", host: "h", version: "v1", revision: "auth-v1-1" },
      status: { phase: "Failed", ready: false, startedAt: since, restarts: 3, conditions, lastExit: { lines: ["last words"], reason: "killed" } },
    },
  ],
};
const service = { ...auth(), metadata: { ...auth().metadata, ...common, name: "auth" }, status: { conditions, servedVersion: "v1" } };
const failed = { ...updateIn("Failed", { message: "why", strategy: "consistent" }, { conditions, by: "ada" }), metadata: { ...common, name: "u" } };
const events = {
  items: [
    {
      ...common,
      type: "Warning",
      reason: "R",
      message: "m",
      lastTimestamp: since,
      count: 2,
      source: { component: "c" },
      metadata: { name: "e", resourceVersion: "8" },
      involvedObject: { kind: "Microservice", name: "auth" },
    },
  ],
};
const table = {
  kind: "Table",
  metadata: { resourceVersion: "7" },
  columnDefinitions: [
    { name: "Name", type: "string" },
    { name: "Message", type: "string" },
  ],
  rows: [{ cells: ["auth", "m"], object: { metadata: { name: "auth" } } }],
};

function worldOf(text: string, isTable: boolean, isTerminal: boolean): World {
  const answers: Record<string, unknown> = {};
  for (const kind of kinds) answers[`GET ${objectPath(kind)}`] = isTable ? { ...table, rows: [{ cells: ["auth", `m${text}`] }] } : { items: [] };
  const put = (name: string, answer: unknown): void => {
    answers[name] = poisoned(answer, text);
  };
  if (!isTable) {
    put(`GET ${SERVICES}`, { items: [service] });
    put(`GET ${BASE}/instances`, instances);
    put(`GET ${BASE}/updates`, { items: [failed] });
  }
  put(`GET ${SERVICES}/auth`, service);
  put(`GET ${UPDATE}`, failed);
  put(`GET /api/v1/namespaces/default/events`, events);
  put(`GET /live/hosts`, { items: [{ key: "h", value: { load: [1, 2, 3] } }] });
  put(`GET /live/instances`, { items: [] });
  put(`GET /live/calls`, {
    items: [
      { key: "k", value: { caller: "a", service: "auth", instance: "i", host: "h", calls: 1, errors: 0, refused: 0, unlabelled: 0, buckets: [] } },
    ],
  });
  put(`PATCH ${SERVICES}/auth/scale`, {});
  put(`POST ${SERVICES}/auth/scripts/check`, [{ instance: "i", script: "check", exitCode: 0, output: "fine" }]);
  return { answers, isTerminal, processes: [{ name: "centre", pid: 1, ready: true, restarts: 0 }] };
}

/** Commands over `worldOf`, and whether the API answers with a table. */
const COMMANDS: readonly (readonly [args: readonly string[], isTable: boolean])[] = [
  [["get", "ms"], true],
  [["get", "ms", "-o", "wide"], true],
  [["get", "ms", "-o", "name"], false],
  [["get", "ms", "-o", "yaml"], false],
  [["describe", "ms", "auth"], false],
  [["status"], false],
  [["status", "-o", "yaml"], false],
  [["hosts"], true],
  [["calls"], false],
  [["calls", "--graph"], false],
  [["calls", "--dot"], false],
  [["update", "show", "u"], false],
  [["update", "history", "auth"], false],
  [["events"], false],
  [["events", "-o", "wide"], false],
  [["events", "-o", "name"], false],
  [["complete", "--", "get", "ms", ""], false],
  [["run-script", "auth", "check"], false],
  [["scale", "auth", "3"], false],
  [["job", "list"], false],
];

test("no command writes to a terminal what came from outside as it is, and programs read the same text again", async () => {
  await fc.assert(
    fc.asyncProperty(attack, async (text) => {
      for (const [args, isTable] of [
        ...COMMANDS,
        [["get", `nothing${text}`], false],
        [["describe", "ms", `no${text}`], false],
        [["logs", `no${text}`], false],
        [["update", "show", `no${text}`], false],
        [[`no${text}`], false],
        [["status", `--no${text}`], false],
      ] as const) {
        const { status, out, note } = await run([...args], worldOf(text, isTable, true));
        if (!args.some((arg) => text !== "" && arg.endsWith(text))) assert.equal(status, 0, `${args.join(" ")}: ${out}${note}`);
        assert.doesNotMatch(out, OBEYED, `out of ${args.join(" ")}`);
        assert.doesNotMatch(note, OBEYED, `note of ${args.join(" ")}`);
      }
      const failing = await run(["get", "ms"], {
        answers: { [`GET ${SERVICES}`]: new OrreryError("store/invalid", `no: ${text}`) },
        isTerminal: true,
      });
      assert.doesNotMatch(failing.note, OBEYED);
      for (const format of ["json", "yaml"] as const) {
        const world = worldOf(text, false, false);
        const { out } = await run(["get", "ms", "auth", "-o", format], world);
        assert.deepEqual(format === "json" ? JSON.parse(out) : parseYaml(out), world.answers?.[`GET ${SERVICES}/auth`]);
        assert.doesNotMatch(out, /(?![\n\t])\p{Cc}/u);
      }
    }),
    { numRuns: 10, examples: [[ATTACKS.join(" ")]] },
  );
});

test("a word of a proposal is one word for a shell, and the same one", () => {
  for (const [word, quoted] of [
    ["auth", "auth"],
    ["/data/site", "/data/site"],
    ["/my site/地面站", "'/my site/地面站'"],
    ["it's", `'it'\\''s'`],
    ["$HOME", "'$HOME'"],
    ["~", "'~'"],
    ["", "''"],
    ["-x", "'-x'"],
    ["a\u001b[2J", `$'a\\u001b[2J'`],
  ] as const)
    assert.equal(shellWord(word), quoted);
});

/** Every proposal of a command that looks at a site. */
const PROPOSED = /(?<![\w./`-])orrery (?!(?:help|validate|crds|completion|version)\b|\S+ --help)[a-z-]+.*/g;

test("every proposal that a command prints names the data folder that was typed", async () => {
  const failing: readonly (readonly string[])[] = [
    ["describe", "ms"],
    ["delete", "ms"],
    ["exec", "auth"],
    ["gateway", "forget", "g"],
    ["gateway", "loose", "g"],
    ["get", "ms/"],
    ["job", "run"],
    ["job", "run", "nothing"],
    ["job", "walk"],
    ["logs", "nothing"],
    ["restart", "nothing"],
    ["restore", "nothing"],
    ["scale", "nothing", "3"],
    ["update"],
    ["update", "auth"],
    ["update", "pasue", "u"],
    ["update", "show", "nothing"],
    ["update", "show", "u", "--ramp", "1"],
    ["update", "promote", "u"],
    ["update", "abort", "u"],
    ["update", "rollback", "u"],
    ["update", "auth", "--to", "v9"],
    ["update", "history", "nothing"],
    ["volume", "rm"],
    ["volume", "rm", "nothing"],
  ];
  let proposals = 0;
  const wrong: string[] = [];
  for (const isTerminal of [true, false])
    for (const [args, isTable] of [...COMMANDS, ...failing.map((words) => [words, false] as const)]) {
      if (args.includes("-o") && !args.includes("wide")) continue;
      const world = { ...worldOf("; do: orrery start auth, or: orrery update show", isTable, isTerminal), columns: 400 };
      const [command = "", ...words] = args;
      // These print names and numbers, or what a script has said.
      if (["complete", "calls", "run-script"].includes(command)) continue;
      const { out, note } = await run([command, "--data", "/other site", ...words], world);
      for (const [proposal] of (out + note).matchAll(PROPOSED)) {
        proposals += 1;
        if (!/^orrery [a-z-]+ --data '\/other site'/.test(proposal)) wrong.push(`${args.join(" ")} proposes: ${proposal}`);
      }
    }
  assert.deepEqual(wrong, []);
  assert.ok(proposals > 60, String(proposals));
});

test("no code writes how it was called beside the one place that also names the data folder", () => {
  const root = path.resolve(import.meta.dirname, "../..");
  const found: string[] = [];
  for (const room of ["face/cli", "apps"])
    for (const file of readdirSync(path.join(root, room), { recursive: true, encoding: "utf8" }))
      if (
        file.endsWith(".ts") &&
        !/\.test\.ts$|^terminal\.ts$|^program\.ts$/.test(file) &&
        /\bterminal\.command\b/.test(readFileSync(path.join(root, room, file), "utf8"))
      )
        found.push(`${room}/${file}`);
  assert.deepEqual(found, []);
});

test("every path in a command that someone is told to type is quoted", () => {
  const root = path.resolve(import.meta.dirname, "../..");
  const found: string[] = [];
  for (const room of ["face/cli", "apps"])
    for (const file of readdirSync(path.join(root, room), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
      for (const [, words = ""] of readFileSync(path.join(root, room, file), "utf8").matchAll(/(?<![\w./-])orrery (?=[a-z-]+ )([^`;,)\n]*)/g))
        for (const [, inner = ""] of words.matchAll(/\$\{([^}]*)\}?/g))
          if (/\b(?:data|site|file|folder|dir|path|args)\b/.test(inner) && !inner.startsWith("shellWord(") && !/\? "" :/.test(inner))
            found.push(`${room}/${file}: ${words}`);
    }
  assert.deepEqual(found, []);
});
