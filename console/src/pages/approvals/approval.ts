/** What was asked of others, as the kind Approval has it, and what one may do with it. Pure. */
import type { ChangedField } from "../../parts/Changes.tsx";

export interface Person {
  readonly name: string;
  readonly uid?: string;
  readonly via: string;
}

export interface ApprovalObject {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly spec: {
    readonly actions: readonly string[];
    readonly verb: string;
    readonly object: { readonly kind: string; readonly namespace?: string; readonly name: string };
    readonly call?: string;
    readonly how?: Way;
    readonly by: Person;
    readonly reason?: string;
    readonly changes?: readonly ChangedField[];
    readonly needs: readonly { readonly role: string }[];
    readonly until: string;
  };
  readonly status?: {
    readonly phase?: string;
    readonly decisions?: readonly Decision[];
    readonly withdrawn?: Look;
    readonly doneAt?: string;
    readonly message?: string;
    readonly reviewed?: Look;
  };
}

interface Look {
  readonly by: Person;
  readonly at: string;
  readonly reason?: string;
}

interface Decision extends Look {
  readonly verdict: string;
  readonly role?: string;
}

/** In which way it is written. */
export interface Way {
  readonly fieldManager?: string;
  readonly apply?: boolean;
  readonly force?: boolean;
  readonly subresource?: string;
  readonly propagationPolicy?: string;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** What is said of the way, as keys of the texts and their values: what is carried out is this way, and no other. */
export function wordsOfWay(way: Way = {}): readonly (readonly [key: string, values: Readonly<Record<string, string>>])[] {
  const { fieldManager, apply = false, force = false, subresource, propagationPolicy, preconditions = {} } = way;
  return [
    ...(apply ? [["apply", {}] as const] : []),
    ...(fieldManager === undefined ? [] : [["manager", { manager: fieldManager }] as const]),
    ...(force ? [["force", {}] as const] : []),
    ...(subresource === undefined ? [] : [["subresource", { subresource }] as const]),
    ...(propagationPolicy === undefined ? [] : [[`deletes${propagationPolicy}`, {}] as const]),
    ...(preconditions.uid === undefined ? [] : [["ifUid", { uid: preconditions.uid }] as const]),
    ...(preconditions.resourceVersion === undefined ? [] : [["ifVersion", { version: preconditions.resourceVersion }] as const]),
  ];
}

export const DEEDS = ["approve", "refuse", "withdraw", "review"] as const;
export type DecisionDeed = (typeof DEEDS)[number];

/** Where it stands, at `nowMs`: what nobody decided in time is over, whatever is written. */
export function phaseOf({ spec, status }: ApprovalObject, nowMs: number): string {
  const phase = status?.phase ?? "Unknown";
  if (phase === "Waiting" && Date.parse(spec.until) <= nowMs) return "Expired";
  return phase === "BrokenGlass" && status?.reviewed !== undefined ? "Reviewed" : phase;
}

/** Roles that still have to approve. */
export function openNeeds({ spec, status }: ApprovalObject): readonly string[] {
  const given = new Set((status?.decisions ?? []).filter(({ verdict }) => verdict === "approved").map(({ role }) => role));
  return spec.needs.map(({ role }) => role).filter((role) => !given.has(role));
}

export interface Reader {
  readonly name: string;
  /** Roles that they have; absent: not known, the API decides. */
  readonly roles?: ReadonlySet<string>;
}

/** What `me` may do with it, as far as the page knows: who asks never decides, and nobody decides twice. */
export function offered(one: ApprovalObject, me: Reader, nowMs: number): readonly DecisionDeed[] {
  const phase = phaseOf(one, nowMs);
  const isOwn = one.spec.by.name === me.name;
  const has = (roles: readonly string[]): boolean => me.roles === undefined || roles.some((role) => me.roles?.has(role) === true);
  const needs = one.spec.needs.map(({ role }) => role);
  if (isOwn) return phase === "Waiting" || phase === "Approved" ? ["withdraw"] : [];
  if (phase === "BrokenGlass") return has(needs) ? ["review"] : [];
  if (phase !== "Waiting" || !has(needs)) return [];
  const hasDecided = one.status?.decisions?.some(({ by }) => by.name === me.name) === true;
  return !hasDecided && has(openNeeds(one)) ? ["approve", "refuse"] : ["refuse"];
}

/** Whether it has come to what was wished. */
export function isThere(one: ApprovalObject | undefined, deed: DecisionDeed, me: string): boolean {
  switch (deed) {
    case "approve":
      // What is called, who asked for it then does; all else the centre carries out by itself.
      return (
        one?.status?.decisions?.some(({ verdict, by }) => verdict === "approved" && by.name === me) === true &&
        (one.status.phase !== "Approved" || one.spec.verb === "call")
      );
    case "refuse":
      return one?.status?.phase === "Refused";
    case "withdraw":
      return one?.status?.phase === "Withdrawn";
    case "review":
      return one?.status?.reviewed !== undefined;
  }
}
