/** What recorded calls are asked for, and how their tree is laid out. Pure. */

import type { Severity } from "../../../../src/face/views/protocol.ts";
import type { CallNode, GatheredCall } from "../../../../src/watch/calls/core/tree.ts";

export type { CallNode, GatheredCall };

/** How far back. */
export const SPANS = { "10m": 600_000, "1h": 3_600_000, "1d": 86_400_000, "7d": 604_800_000 } as const;
export type Span = keyof typeof SPANS;
export const SLOW = ["50ms", "200ms", "1s", "5s"] as const;
export const ROWS = 200;

export interface RecordedFilters {
  readonly service: string;
  readonly caller: string;
  readonly domain: string;
  readonly isFailed: boolean;
  readonly slow: string;
  readonly span: Span;
}

export interface RecordedList {
  readonly items: readonly GatheredCall[];
  readonly isCut: boolean;
  readonly missing: readonly { readonly gateway: string; readonly host: string; readonly message: string }[];
}

export function spanOf(text: string): Span {
  return Object.hasOwn(SPANS, text) ? (text as Span) : "1h";
}

/** `nowMs` in whole minutes, so that the path stays the same for as long. */
export function recordedPath({ service, caller, domain, isFailed, slow, span }: RecordedFilters, nowMs: number): string {
  const query = new URLSearchParams({
    from: new Date(nowMs - SPANS[span]).toISOString(),
    to: new Date(nowMs + SPANS["10m"]).toISOString(),
    limit: String(ROWS),
  });
  if (service.trim() !== "") query.set("service", service.trim());
  if (caller.trim() !== "") query.set("caller", caller.trim());
  if (domain !== "") query.set("domain", domain);
  if (isFailed) query.set("errors", "true");
  if (slow !== "") query.set("slow", slow);
  return `/calls?${query}`;
}

/** How bad a result is; undefined: it is well. */
export function severityOf({ status, error, method }: GatheredCall): Severity | undefined {
  if (error !== undefined || status >= 500 || (status === 0 && method !== "TCP")) return "critical";
  return status >= 400 ? "minor" : undefined;
}

/** The code of an error; what follows it is for who looks at all of it. */
export function codeOf(error: string): string {
  return /(?:^|: )([a-z]+\/[a-z-]+)/.exec(error)?.[1] ?? error.slice(0, 40);
}

/** Names a call among others: no two of one trace begin at the same moment at the same instance for the same time. */
export function keyOfCall({ traceId = "", time, instance = "", durationMs, gateway }: GatheredCall): string {
  return [traceId, time, instance, durationMs, gateway].join("|");
}

export interface TreeRow {
  readonly node: CallNode;
  readonly key: string;
  readonly depth: number;
  /** By raw times: where its bar begins and how long it is, of the whole: 0 to 1. */
  readonly from: number;
  readonly length: number;
  /** After the first of all. */
  readonly beganMs: number;
}

/** The tree in the order in which it is drawn. */
export function treeRows(items: readonly CallNode[]): readonly TreeRow[] {
  const all: { readonly node: CallNode; readonly key: string; readonly depth: number }[] = [];
  const walk = (nodes: readonly CallNode[], depth: number, above: string): void => {
    nodes.forEach((node, index) => {
      const key = `${above}/${index}`;
      all.push({ node, key, depth });
      walk(node.children, depth + 1, key);
    });
  };
  walk(items, 0, "");
  const spans = all.flatMap(({ node: { call } }) => (call === undefined ? [] : [{ fromMs: Date.parse(call.time), ms: call.durationMs }]));
  const fromMs = Math.min(...spans.map((one) => one.fromMs));
  const wholeMs = Math.max(1, ...spans.map((one) => one.fromMs + one.ms - fromMs));
  return all.map(({ node, ...rest }) => {
    const { call } = node;
    const beganMs = call === undefined ? 0 : Date.parse(call.time) - fromMs;
    return {
      ...rest,
      node,
      beganMs,
      from: beganMs / wholeMs,
      length: call === undefined ? 0 : Math.min(1 - beganMs / wholeMs, call.durationMs / wholeMs),
    };
  });
}
