/** A search of lines over all hosts: what is asked, and what has come of it. Pure. */
import { utcTime } from "./book.ts";

export const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
/** Records that a page holds. */
export const HITS_MAX = 1_000;

/** What the page is asked for. */
export interface SearchWish {
  readonly words: string;
  readonly services: readonly string[];
  readonly instance: string;
  readonly trace: string | undefined;
  readonly level: string;
  /** Minutes back, or `range`; empty: an hour. */
  readonly span: string;
  readonly from: string;
  readonly until: string;
  readonly isPlatform: boolean;
}

/** A record as `/logs/search` gives it. */
export interface Hit {
  readonly time: string;
  readonly host: string;
  readonly service?: string;
  readonly name?: string;
  readonly instance: string;
  readonly level?: string;
  readonly text: string;
  readonly trace?: string;
  readonly cut?: number;
}

export interface SearchEnd {
  readonly hits: number;
  readonly isComplete: boolean;
  readonly limit?: number;
  readonly from: string;
  readonly damaged: number;
  readonly hosts: readonly { readonly host: string; readonly state: string; readonly reached?: string; readonly message?: string }[];
  readonly dropped: readonly {
    readonly host: string;
    readonly service?: string;
    readonly name?: string;
    readonly until: string;
    readonly why: string;
  }[];
}

/** A line of the answer. */
export type SearchItem = Partial<Hit> & {
  readonly progress?: { readonly hits: number; readonly reached?: string };
  readonly end?: SearchEnd;
  readonly error?: { readonly message: string };
};

export interface Search {
  readonly hits: readonly Hit[];
  /** All that is newer was looked at. */
  readonly reached?: string;
  readonly end?: SearchEnd;
  readonly error?: string;
}

export const NOTHING_FOUND: Search = { hits: [] };

export function searchPath({ words, services, instance, trace, level, span, from, until, isPlatform }: SearchWish): string {
  const query = new URLSearchParams({ limit: String(HITS_MAX) });
  if (words.trim() !== "") query.set("search", words.trim());
  for (const one of services) query.append("service", one);
  if (instance !== "") query.set("instance", instance);
  if (trace !== undefined) query.set("trace", trace);
  if ((LEVELS as readonly string[]).includes(level)) query.set("level", level);
  if (isPlatform) query.set("platform", "true");
  const [since, to] = [utcTime(from), utcTime(until)];
  if (span === "range") {
    if (since !== undefined) query.set("sinceTime", since);
    if (to !== undefined) query.set("untilTime", to);
  } else query.set("since", `${Number(span) > 0 ? Number(span) : 60}m`);
  return `/logs/search?${query}`;
}

/** What has come, with the next lines of the answer. */
export function takeItems(search: Search, items: readonly SearchItem[]): Search {
  const hits = [...search.hits];
  let { reached, end, error } = search;
  for (const item of items) {
    if (item.error !== undefined) error = item.error.message;
    else if (item.end !== undefined) end = item.end;
    else if (item.progress !== undefined) reached = item.progress.reached ?? reached;
    else if (item.time !== undefined && item.text !== undefined && hits.length < HITS_MAX) {
      hits.push(item as Hit);
      reached = item.time;
    }
  }
  return { hits, ...(reached !== undefined && { reached }), ...(end !== undefined && { end }), ...(error !== undefined && { error }) };
}

/** Hosts of which not all was looked at, though it was asked for. */
export function missingHosts({ hosts, limit }: SearchEnd): SearchEnd["hosts"] {
  const bad =
    limit === undefined ? hosts.filter(({ state }) => state !== "complete") : hosts.filter(({ state }) => ["away", "failed", "late"].includes(state));
  return bad;
}
