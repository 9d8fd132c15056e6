import type { CallRecord } from "./record.ts";

/** A call, and which gateway has recorded it. */
export interface GatheredCall extends CallRecord {
  readonly gateway: string;
  /** Host of that gateway, whose clock its times are of. */
  readonly gatewayHost: string;
}

/** One call of a request, with those that its instance made for it. */
export interface CallNode {
  readonly call?: GatheredCall;
  /** In place of a call: what is missing. */
  readonly hole?: CallHole;
  /** By how much it lies outside of the call above it, by the clocks of two hosts: these are apart by that much at least. Times are never moved. */
  readonly skewMs?: number;
  /** So many calls above may be the one for which it was made; shown is the likeliest. */
  readonly candidates?: number;
  readonly children: readonly CallNode[];
}

/** What is missing in a tree. */
export interface CallHole {
  /** `notRecorded`: what `instance` served when it made the calls below; `unknownCaller`: who made them; `hidden`: the reader may not see it. */
  readonly why: "notRecorded" | "unknownCaller" | "hidden";
  readonly instance?: string;
  /** For people. */
  readonly message: string;
}

/** Of a request with more calls than are shown: what came from outside, then what failed, then what began first. */
export function chooseCalls(calls: readonly GatheredCall[], limit: number): readonly GatheredCall[] {
  if (calls.length <= limit) return calls;
  const rank = ({ role, status, error }: GatheredCall): number => (role === "edge" ? 0 : error !== undefined || status >= 500 ? 1 : 2);
  return calls.toSorted((a, b) => rank(a) - rank(b) || (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(0, limit);
}

interface Building {
  readonly call: GatheredCall;
  readonly startMs: number;
  readonly endMs: number;
  parent?: Building | undefined;
  skewMs?: number;
  candidates?: number;
  readonly children: Building[];
}

/** Times are told in whole milliseconds, and a call is noted a moment after its instance has gone on. */
const LOOSE_MS = 2;

/** The calls of one request as a tree, from what gateways have recorded: who called is known by instance, and when by time. Services need not know of it. What is missing is shown as a hole: a call that was made while its instance served none that was recorded. */
export function buildTree(calls: readonly GatheredCall[]): readonly CallNode[] {
  const nodes = calls
    .map((call): Building => {
      const startMs = Date.parse(call.time);
      return { call, startMs, endMs: startMs + call.durationMs, children: [] };
    })
    .sort((a, b) => a.startMs - b.startMs || b.endMs - a.endMs);
  const byInstance = Map.groupBy(
    nodes.filter(({ call }) => call.instance !== undefined),
    ({ call }) => call.instance ?? "",
  );
  const roots: Building[] = [];
  const orphans: Building[] = [];
  for (const node of nodes) {
    const { call } = node;
    if (call.role === "edge") roots.push(node);
    else if (call.callerInstance === undefined || !adopt(node, byInstance.get(call.callerInstance) ?? [])) orphans.push(node);
  }
  const holes = [...Map.groupBy(orphans, ({ call }) => call.callerInstance ?? "")].map(([instance, own]): CallNode => {
    const [first] = own;
    return { hole: holeOf(instance, first?.call.caller ?? ""), children: own.map(finish) };
  });
  const [root, ...others] = roots.map(finish);
  // Whoever called is unknown, or was not recorded, but all of it is of the one request.
  if (root !== undefined && others.length === 0) return [{ ...root, children: [...root.children, ...holes] }];
  return [...(root === undefined ? [] : [root]), ...others, ...holes];
}

function holeOf(instance: string, caller: string): CallHole {
  if (instance !== "") return { why: "notRecorded", instance, message: `${instance} served a call here that was not recorded, or not kept` };
  const who = caller === "?" || caller === "" ? "somebody who is not known" : `${caller}, by an instance that is not known`;
  return { why: "unknownCaller", message: `called by ${who}` };
}

/** Finds the call for which `node` was made, among those that its caller's instance has served. */
function adopt(node: Building, served: readonly Building[]): boolean {
  // Most have nothing below them yet: what began before them was placed before.
  const possible = served.filter((one) => one !== node && (node.children.length === 0 || !isBelow(one, node)));
  const isOwnClock = (one: Building): boolean => one.call.gatewayHost === node.call.gatewayHost;
  const around = possible.filter((one) => isAround(one, node) && (!isOwnClock(one) || one.startMs <= node.startMs));
  const own = around.filter(isOwnClock);
  const best = own.length > 0 ? own : around.length > 0 ? around : possible.filter((one) => !isOwnClock(one));
  // The one that began last, or by clocks that are apart the nearest.
  const [parent] = around.length > 0 ? best.toSorted((a, b) => b.startMs - a.startMs) : best.toSorted((a, b) => outside(a, node) - outside(b, node));
  if (parent === undefined) return false;
  node.parent = parent;
  parent.children.push(node);
  if (best.length > 1) node.candidates = best.length;
  const apart = outside(parent, node);
  if (!isOwnClock(parent) && apart > LOOSE_MS) node.skewMs = apart;
  return true;
}

function isAround(outer: Building, inner: Building): boolean {
  return inner.startMs >= outer.startMs - LOOSE_MS && inner.startMs <= outer.endMs + LOOSE_MS;
}

/** By how much `inner` lies outside of `outer`; a call may go on after its caller has answered, but not begin then. */
function outside(outer: Building, inner: Building): number {
  return Math.max(0, outer.startMs - inner.startMs, inner.startMs - outer.endMs);
}

function isBelow(one: Building, above: Building): boolean {
  for (let node = one.parent; node !== undefined; node = node.parent) if (node === above) return true;
  return false;
}

function finish({ call, skewMs, candidates, children }: Building): CallNode {
  return {
    call,
    ...(skewMs !== undefined && { skewMs }),
    ...(candidates !== undefined && { candidates }),
    children: children.map(finish),
  };
}
