/** What a reason of the server's means, in a language that its own messages are not in: the sentence of its code, and the figures and names that the message holds. Pure. */

export interface Fact {
  /** Under `facts` of texts/zh/reasons.json. */
  readonly code: string;
  readonly args: Readonly<Record<string, string>>;
}

/** As the rooms of `src/` write them; a message that says it in another way gives no fact, and the sentence stands alone. */
const FACTS: readonly (readonly [code: string, pattern: RegExp])[] = [
  ["ready", /\b(?<ready>\d+) of (?<wanted>\d+) (?:instances )?(?:of \S+ )?(?:are |is )?ready/],
  ["noneReady", /\bnone of (?<wanted>\d+) is ready/],
  ["openCalls", /\b(?<count>\d+) calls of generation (?<generation>\d+) are open at gateway (?<gateway>[^\s,;]+)/],
  ["openTransactions", /\b(?<count>\d+) transactions are open/],
  ["exit", /\bexit status (?<code>\d+)/],
  ["exit", /\bhas ended with (?<code>\d+)/],
  ["signal", /\bkilled by (?<signal>SIG[A-Z]+)/],
  ["share", /^(?<share>[\d.]+ ?%) of new transactions/],
  ["requests", /\b(?<fresh>\d+) requests of the new and (?<old>\d+) of the old generation .*at least (?<least>\d+)/],
  ["errors", /\berrors rose from (?<from>[\d.]+ ?%) to (?<to>[\d.]+ ?%)/],
  ["slower", /\bthe (?<quantile>\d+)th percentile rose from (?<from>[\d.]+) to (?<to>[\d.]+) ms/],
  ["nextStep", /\bnext step comes at \S+ \(in (?<in>[^)]+)\)/],
  ["host", /\b(?:the agent of )?host (?<host>[a-z0-9][-.a-z0-9]*)\b(?! and| of)/],
  ["gateway", /\bgateway (?<gateway>[a-z0-9][-.a-z0-9]*) (?:is|was|does|has)\b/],
  ["generation", /\bgeneration g?(?<generation>\d+)\b/],
  ["until", /\b(?:given up at|over, at|until|at the latest) (?<at>\d{4}-\d\d-\d\dT[\d:.]+Z)/],
  ["lastProbe", /\blast probe failed: (?<error>[^;]{1,200})/],
];
const FACTS_MAX = 4;

/** Of several facts with the same name (a gateway, twice) the first; at most four. */
export function factsOf(message: string): readonly Fact[] {
  const found: Fact[] = [];
  const known = new Set<string>();
  for (const [code, pattern] of FACTS) {
    const args = pattern.exec(message)?.groups;
    if (args === undefined || Object.keys(args).every((name) => known.has(name))) continue;
    for (const name of Object.keys(args)) known.add(name);
    found.push({ code, args: { ...args } });
  }
  return found.slice(0, FACTS_MAX);
}
