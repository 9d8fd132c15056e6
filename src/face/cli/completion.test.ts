import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { OrreryError } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { COMPLETION_SCRIPTS } from "./completion.ts";
import { objectPath } from "./kubernetes.ts";
import { auth, run, SERVICES, type World } from "./rig.ts";

const named = (...names: string[]) => ({ items: names.map((name) => ({ metadata: { name } })) });
const world: World = {
  answers: {
    [`GET ${SERVICES}`]: named("auth", "portal"),
    [`GET ${objectPath(kinds.find((kind) => kind.kind === "Instance") ?? assert.fail())}`]: named("auth-v1-0a1b2c3d-0"),
    [`GET ${objectPath(kinds.find((kind) => kind.kind === "Update") ?? assert.fail())}`]: named("auth-x"),
    [`GET ${objectPath(kinds.find((kind) => kind.kind === "Job") ?? assert.fail())}`]: named("nightly"),
    [`GET ${SERVICES}/auth`]: { ...auth(), spec: { template: { scripts: [{ name: "selftest" }, { name: "status" }] } } },
  },
};

async function tab(line: string, from: World = world): Promise<string[]> {
  const { status, out, note } = await run(["complete", "--", ...line.split(" ")], from);
  assert.deepEqual([status, note], [0, ""], line);
  return out === "" ? [] : out.trimEnd().split("\n");
}

describe("Tab", () => {
  it("completes commands, options, their values, kinds and names", async () => {
    for (const [line, expected] of [
      ["stat", ["status"]],
      ["sta", ["start", "status"]],
      ["status --d", ["--data"]],
      ["status -o ", ["json", "wide", "yaml"]],
      ["calls --by s", ["service"]],
      ["get micro", ["microservice", "microservices"]],
      ["get ms po", ["portal"]],
      ["get ms/", ["ms/auth", "ms/portal"]],
      ["describe ms auth p", ["portal"]],
      ["scale a", ["auth"]],
      ["logs au", ["auth", "auth-v1-0a1b2c3d-0"]],
      ["logs -f po", ["portal"]],
      ["restart auth po", ["portal"]],
      ["run-script auth s", ["selftest", "status"]],
      ["update p", ["pause", "portal", "promote"]],
      ["update show ", ["auth-x"]],
      ["update history p", ["portal"]],
      ["gateway f", ["forget"]],
      ["job ", ["history", "list", "run", "stop"]],
      ["volume ", ["ls", "rm"]],
      ["job run n", ["nightly"]],
      ["completion z", ["zsh"]],
      ["apply -f ", [":files"]],
      ["up --site ", [":files"]],
      ["--data x get ms a", []],
      ["nonsense ", []],
      ["get nonsense a", []],
      ["scale auth ", []],
    ] as const)
      assert.deepEqual(await tab(line), expected, line);
    const all = await tab("");
    assert.ok(all.includes("up") && all.includes("events") && !all.includes("complete"), all.join(" "));
  });

  it("says nothing where no centre answers", async () => {
    const failing: World = { answers: { [`GET ${SERVICES}`]: new OrreryError("client/unavailable", "no", { retry: "backoff" }) } };
    assert.deepEqual(await tab("scale a", failing), []);
    assert.deepEqual(await tab("status --d", failing), ["--data"]);
    const stopped: World = {
      client: () => {
        throw new OrreryError("cli/not-running", "nothing was started");
      },
    };
    assert.deepEqual(await tab("scale a", stopped), []);
  });
});

/** A program `orrery` that answers `complete` with its own words. */
function fakeOrrery(t: TestContext, answer: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery completion-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, "orrery"), `#!/bin/sh\nprintf '%s\\n' "$*" >&2\n${answer}\n`, { mode: 0o755 });
  return folder;
}

const has = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

describe("the script for", () => {
  it("bash gives the words to orrery and takes its candidates", { skip: !has("bash") && "there is no bash here" }, (t) => {
    const folder = fakeOrrery(t, `[ "$1 $2 $3 $4" = "complete -- scale au" ] && printf 'auth\\nauthors\\n'`);
    const script = `${COMPLETION_SCRIPTS.bash}\nCOMP_WORDS=("${folder}/orrery" scale au); COMP_CWORD=2; _orrery; printf '%s,' "\${COMPREPLY[@]}"; complete -p orrery`;
    const { stdout, status } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [0, "auth,authors,complete -F _orrery orrery\n"]);
    const none = spawnSync(
      "bash",
      ["-c", `${COMPLETION_SCRIPTS.bash}\nCOMP_WORDS=(/no/orrery scale au); COMP_CWORD=2; _orrery; echo "\${#COMPREPLY[@]}"`],
      { encoding: "utf8" },
    );
    assert.deepEqual([none.stdout, none.stderr], ["0\n", ""]);
  });

  it("zsh can be read", { skip: !has("zsh") && "there is no zsh here" }, () => {
    const { stderr, status } = spawnSync("zsh", ["-n", "-c", COMPLETION_SCRIPTS.zsh], { encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
  });

  it("fish gives the words to orrery and takes its candidates", { skip: !has("fish") && "there is no fish here" }, (t) => {
    const folder = fakeOrrery(t, `[ "$1 $2 $3 $4" = "complete -- scale au" ] && printf 'auth\\nauthors\\n'`);
    const { stdout, status } = spawnSync("fish", ["-c", `set PATH '${folder}' $PATH\n${COMPLETION_SCRIPTS.fish}\ncomplete -C 'orrery scale au'`], {
      encoding: "utf8",
    });
    assert.deepEqual(
      [
        status,
        stdout
          .trim()
          .split("\n")
          .map((line) => line.split("\t")[0]),
      ],
      [0, ["auth", "authors"]],
    );
  });
});
