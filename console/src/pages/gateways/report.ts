/** What a gateway tells each second, as far as it can be read. Pure. */

export interface GenerationOpen {
  readonly generation: number;
  /** Transactions open at this edge; of these, streams. */
  readonly edge: number;
  readonly streams: number;
  /** Calls between services. */
  readonly calls: number;
}

export interface Told {
  readonly version?: number;
  readonly epoch?: number;
  readonly history?: string;
  readonly generations: readonly GenerationOpen[];
  readonly held: number;
  readonly open: number;
  /** Why it cannot do all that it should. */
  readonly failures: readonly string[];
}

type Unknown = Readonly<Record<string, unknown>>;
const recordOf = (value: unknown): Unknown => (typeof value === "object" && value !== null ? (value as Unknown) : {});
const listOf = (value: unknown): readonly Unknown[] => (Array.isArray(value) ? value.map(recordOf) : []);
const numberOf = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
const countOf = (value: unknown): number => Math.max(0, numberOf(value) ?? 0);

export function readReport(value: unknown): Told {
  const report = recordOf(value);
  const position = recordOf(report["position"]);
  const [version, epoch] = [numberOf(position["version"]), numberOf(position["epoch"])];
  const generations = listOf(report["counts"])
    .filter((one) => numberOf(one["generation"]) !== undefined)
    .map((one) => ({
      generation: countOf(one["generation"]),
      edge: countOf(one["edge"]),
      streams: countOf(one["streams"]),
      calls: countOf(one["outbound"]) + countOf(one["inbound"]),
    }))
    .sort((a, b) => b.generation - a.generation);
  const failures = listOf(report["listenFailures"]).map((one) => `${one["address"]}:${one["port"]}: ${one["reason"]}`);
  return {
    ...(version !== undefined && { version }),
    ...(epoch !== undefined && { epoch }),
    ...(typeof position["history"] === "string" && { history: position["history"] }),
    generations,
    held: countOf(recordOf(report["held"])["now"]),
    open: generations.reduce((sum, one) => sum + one.edge, 0),
    failures: typeof report["tableFailure"] === "string" ? [report["tableFailure"], ...failures] : failures,
  };
}

/** The newest table that any of them has: who has an older one is behind. Of another history or epoch nothing is newer. */
export function newestOf(reports: readonly Told[]): number | undefined {
  const epoch = Math.max(...reports.map((one) => one.epoch ?? 0), 0);
  const versions = reports.filter((one) => (one.epoch ?? 0) === epoch).flatMap(({ version }) => (version === undefined ? [] : [version]));
  return versions.length === 0 ? undefined : Math.max(...versions);
}
