/** Another checkout of Orrery beside this one: one bench program in both, in alternating rounds, and the ratio of each figure. Options: --with FOLDER (its packages installed), --bench NAME, --rounds N (3), --only REGEXP (of figures); what stands behind `--` goes to the program.
 *
 *  For "not slower than before": both run on the same machine within minutes, and who begins changes from round to round. A ratio of 1.05 is 5 % more than the other checkout has. */
import { execFile } from "node:child_process";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { median, Report, ROOT, round } from "./harness/report.ts";

const { values, positionals } = parseArgs({
  options: { with: { type: "string" }, bench: { type: "string" }, rounds: { type: "string", default: "3" }, only: { type: "string", default: "" } },
  allowPositionals: true,
});
if (values.with === undefined || values.bench === undefined) throw new Error("give --with FOLDER and --bench NAME");
const other = path.resolve(values.with);
const name = values.bench;
const wanted = new RegExp(values.only);
const rounds = Number(values.rounds);

const figures = { here: new Map<string, number[]>(), there: new Map<string, number[]>() };
const report = new Report("compare");
for (let index = 0; index < rounds; index++) {
  for (const side of index % 2 === 0 ? (["there", "here"] as const) : (["here", "there"] as const)) {
    const result = await runBench(side === "here" ? ROOT : other);
    for (const [figure, value] of leaves(result)) figures[side].set(figure, [...(figures[side].get(figure) ?? []), value]);
  }
}

const rows = [...figures.here].flatMap(([figure, here]) => {
  const there = figures.there.get(figure) ?? [];
  if (!wanted.test(figure) || there.length === 0) return [];
  return [{ figure, there: median(there), here: median(here), ratio: round(median(here) / median(there), 3), all: { there, here } }];
});
report.table(
  `${name}: ${rounds} rounds each, medians`,
  ["", "other", "this", "ratio"],
  rows.map((one) => [one.figure, round(one.there, 2), round(one.here, 2), one.ratio]),
);
report.figure("of", name);
report.figure("rows", rows);
report.end();

async function runBench(root: string): Promise<unknown> {
  const program = path.join(root, "bench", `${name}.ts`);
  const { stdout } = await promisify(execFile)(
    path.join(root, "node_modules/.bin/node"),
    ["--disable-warning=ExperimentalWarning", program, ...positionals],
    {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  console.error(`${path.basename(root)}: ${name} has run`);
  return JSON.parse(line);
}

/** Every number of the program's line of JSON, by its path; not those about the machine and the run. */
function leaves(value: unknown, at = ""): [string, number][] {
  if (typeof value === "number") return [[at, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    at === "" && ["machine", "versions", "load", "aims", "seconds", "startedAt"].includes(key) ? [] : leaves(inner, at === "" ? key : `${at}.${key}`),
  );
}
