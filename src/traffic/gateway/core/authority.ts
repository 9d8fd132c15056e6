/** The host and port that a request names. */
export interface Authority {
  /** Lower case, without a final dot; IPv6 in brackets. */
  readonly host: string;
  /** `undefined` where none was written. */
  readonly port: number | undefined;
}

const PATTERN = /^([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?$/;
const KNOWN_MAX = 1000;
const known = new Map<string, Authority>();

/** Reads `host[:port]` strictly (no user, no spaces, no empty host); `undefined` if it is anything else. The last 1,000 good ones are remembered: they repeat. */
export function parseAuthority(text: string): Authority | undefined {
  const remembered = known.get(text);
  if (remembered !== undefined) return remembered;
  const match = PATTERN.exec(text);
  if (match?.[1] === undefined) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port > 65_535 || port === 0)) return undefined;
  const lower = match[1].toLowerCase();
  const authority = { host: lower.endsWith(".") ? lower.slice(0, -1) : lower, port };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(text, authority);
  return authority;
}

/** True for names that mean this host's loopback, without looking them up. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}
