/** What gateways are told of recording. */
export interface CallSettings {
  /** Of all traces; errors and slow calls are kept in any case, with their trees. */
  readonly share: number;
  readonly slowMs: number;
  readonly keepMs: number;
  /** Of all sealed files of one gateway. */
  readonly bytesMax: number;
  /** Where kept calls are exported to, as OTLP/HTTP: `http://collector:4318`. */
  readonly otlpUrl?: string | undefined;
}

/** Until a centre has said something else. */
export const DEFAULT_SETTINGS: CallSettings = { share: 1, slowMs: 1_000, keepMs: 7 * 24 * 3_600_000, bytesMax: 256 * 1024 * 1024 };
