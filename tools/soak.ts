/** `npm run soak`: the whole-process tests of updates, with 100 updates while processes are killed at random. `npm run soak -- N`: N updates; with `ORRERY_TEST_SEED` always the same. About five seconds each. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "./sources.ts";

const [given = "100"] = process.argv.slice(2);
if (!/^[1-9]\d{0,4}$/.test(given)) {
  console.error(`soak: the number of updates must be from 1 to 99999; found ${JSON.stringify(given)}`);
  process.exit(2);
}
const files = ["update", "update-mesh", "update-faults", "update-steering"].map((name) => join(ROOT, `test/${name}.test.ts`));
const child = spawn(process.execPath, ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files], {
  cwd: ROOT,
  env: { NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/compile"), ...process.env, ORRERY_TEST_UPDATES: given },
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
const [code] = await once(child, "exit");
process.exitCode = code === 0 ? 0 : 1;
