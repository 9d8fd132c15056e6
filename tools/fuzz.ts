/** `npm run fuzz -- NAME`: inputs that nobody would send, against one part of Orrery; each target is a file test/fuzz/NAME.ts.
 *    npm run fuzz -- api --count 1000000 --from 0    so many inputs from that number on (default 100,000 from 0)
 *    npm run fuzz -- api --from N --count 1          one that was found, again
 *    --minutes M                                      ends it early
 *  Exit status 0: every promise held; else 1. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Fuzz } from "../test/fuzz/frame.ts";
import { ROOT } from "./sources.ts";

const FOLDER = join(ROOT, "test/fuzz");
const targets = readdirSync(FOLDER)
  .filter((name) => /^[a-z-]+\.ts$/.test(name) && name !== "frame.ts" && !name.startsWith("made-"))
  .map((name) => name.replace(/\.ts$/, ""));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string", default: "100000" }, from: { type: "string", default: "0" }, minutes: { type: "string", default: "600" } },
});
const [name = ""] = positionals;
if (!targets.includes(name)) {
  console.error(`give what to fuzz: ${targets.join(", ")}`);
  process.exit(1);
}
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort());
const timer = setTimeout(() => interruption.abort(), Number(values.minutes) * 60_000);
const { fuzz } = (await import(join(FOLDER, `${name}.ts`))) as { readonly fuzz: Fuzz };
const beganMs = performance.now();
const { inputs, findings, classes } = await fuzz({
  from: Number(values.from),
  count: Number(values.count),
  signal: interruption.signal,
  say: (line) => console.log(line),
});
clearTimeout(timer);
for (const { input, oracle, detail } of findings) console.error(`✖ input ${input}: ${oracle}: ${detail}`);
for (const [what, count] of Object.entries(classes).sort(([, a], [, b]) => b - a)) console.log(`${String(count).padStart(9)}  ${what}`);
const seconds = Math.round((performance.now() - beganMs) / 1000);
console.log(`${inputs} inputs in ${seconds} s, ${findings.length} findings, at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
if (findings.length > 0 || inputs === 0) process.exitCode = 1;
process.exit();
