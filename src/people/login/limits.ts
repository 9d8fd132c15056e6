/** Bounds of logging in: docs/limits.md. */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const LIMITS = {
  /** A one-time link. */
  linkMs: 10 * MINUTE_MS,
  /** The same, of who comes from a provider: the page uses it at once. */
  providedLinkMs: MINUTE_MS,
  linksOfUserMax: 20,
  /** Of one user; the one that was not used for the longest time goes. */
  sessionsOfUserMax: 50,
  displayMsMax: 365 * DAY_MS,
  tokensOfUserMax: 100,
  tokenMsMin: MINUTE_MS,
  tokenMsMax: 365 * DAY_MS,
  passwordCharactersMin: 12,
  passwordCharactersMax: 1_024,
  /** A clock that was set back so far makes what was made before it be of the future: that is believed no longer. */
  aheadMsMax: DAY_MS,
  /** So often at most the last use is written. */
  usedMs: MINUTE_MS,
  /** What has ended is kept so long, so that whoever comes with it is told why. */
  keptMs: DAY_MS,
  sweepMs: 5 * MINUTE_MS,
  browsersOfUserMax: 20,
} as const;
