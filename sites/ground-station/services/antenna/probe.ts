import { setTimeout as wait } from "node:timers/promises";
import { ask, parseAddress } from "./line-client.ts";

/** Probe of the antenna: asks the one at the address given (argument, else $SERVICE_ANTENNA_URL) again and again and prints what it says as JSON lines, {"observed": {...}} or {"error": "..."}.
 *  Every ORRERY_PROBE_INTERVAL_MS (5,000); ends with 1 after ORRERY_PROBE_GIVE_UP (10) failures in a row. */
const intervalMs = count("ORRERY_PROBE_INTERVAL_MS", 5000, 20);
const failuresMax = count("ORRERY_PROBE_GIVE_UP", 10, 1);
const address = process.argv[2] ?? process.env.SERVICE_ANTENNA_URL;
if (address === undefined) misuse("no address: give it as the argument, such as 127.0.0.1:4533, or as SERVICE_ANTENNA_URL");

const { host, port } = parsed(address);
process.on("SIGTERM", () => process.exit(0));
let failures = 0;
while (failures < failuresMax) {
  const startedAt = performance.now();
  try {
    const observed: unknown = JSON.parse(await ask(host, port, "get", Math.max(1000, intervalMs)));
    console.log(JSON.stringify({ observed }));
    failures = 0;
  } catch (error) {
    failures += 1;
    console.log(JSON.stringify({ error: `antenna at ${host}:${port}: ${(error as Error).message}` }));
  }
  await wait(Math.max(0, intervalMs - (performance.now() - startedAt)));
}
console.error(`probe: the antenna at ${host}:${port} did not answer ${failures} times in a row; giving up`);
process.exit(1);

function parsed(text: string): { host: string; port: number } {
  try {
    return parseAddress(text);
  } catch (error) {
    return misuse((error as Error).message);
  }
}

function count(name: string, byDefault: number, least: number): number {
  const value = Number(process.env[name] ?? byDefault);
  return Number.isInteger(value) && value >= least
    ? value
    : misuse(`${name} is "${process.env[name]}": expected a whole number of at least ${least}`);
}

function misuse(message: string): never {
  console.error(`probe: ${message}`);
  process.exit(2);
}
