import type { Scenario } from "./plan.ts";
import type { RunResult } from "./run.ts";
import { makeScenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";

/** Lines of history that a report shows. */
const LINES_MAX = 120;

/** What a person needs to understand a failing seed: the smallest scenario found that breaks the same promise, its history, and how to run it again. */
export function explainFailure(result: RunResult, command: string): string {
  const [first] = result.violations;
  if (first === undefined) return `seed ${result.seed} breaks nothing`;
  const { scenario, result: small } = shrink(makeScenario(result.seed), first.invariant);
  const shown = small.violations[0] ?? first;
  return [
    `seed ${result.seed} breaks ${shown.invariant} at ${shown.atMs.toFixed(1)} ms: ${shown.message}`,
    `site: ${describe(scenario)}`,
    ...scenario.wishes.map((wish) => `  wish  ${JSON.stringify(wish)}`),
    ...scenario.faults.map((fault) => `  fault ${JSON.stringify(fault)}`),
    "history:",
    ...selectLines(small.history, shown.message),
    `run it again: ${command} --seeds 1 --from ${result.seed} --history`,
  ].join("\n");
}

function describe(scenario: Scenario): string {
  const { services, gateways, replicas, lingerMs, maxTransactionMs, longRoute, lagMaxMs, linkMaxMs, roots } = scenario;
  const parts = [
    services.map((one) => `${one.name} (${one.forwarding})`).join(", "),
    gateways.map((one) => `${one.name} (${one.roles.join("+")})`).join(", "),
    `${replicas} replicas, linger ${lingerMs} ms, maxTransaction ${maxTransactionMs} ms${longRoute === undefined ? "" : ` (${longRoute.maxTransactionMs} ms at ${longRoute.service})`}, watches lag up to ${lagMaxMs} ms, links ${linkMaxMs} ms, ${roots.length} requests`,
  ];
  return parts.join("; ");
}

/** Decisions, faults, and what names the transaction, generation or instance of the violation; the last ones. */
function selectLines(history: readonly string[], message: string): readonly string[] {
  const named = [...message.matchAll(/transaction \d+|[a-z]+-v\d-\d(?:\.h\d)?|port \d+/g)].map(([name]) => name);
  const words = ["site epoch", "fault", "wish", "gateway", "centre", "!!!", "crashes"];
  const isNamed = (line: string): boolean => named.some((name) => new RegExp(`${name.replace(".", "\\.")}(?![0-9])`).test(line));
  const end = history.findIndex((line) => line.includes("!!!"));
  const lines = history.slice(0, end + 1).filter((line) => words.some((word) => line.includes(word)) || isNamed(line));
  return lines.length <= LINES_MAX ? lines : [`  … ${lines.length - LINES_MAX} earlier lines`, ...lines.slice(-LINES_MAX)];
}
