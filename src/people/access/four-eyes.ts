import { hash } from "node:crypto";
import { type Approval, REDACTED, type Site, type StoredObject, type User } from "#/model/index.ts";
import type { Effect, Identity } from "./contract.ts";
import { contentOf } from "./effects.ts";
import { anyOf, type Labels, scopeOf } from "./label-scope.ts";

export type FourEyesRule = NonNullable<Site["spec"]["fourEyes"]>[number];
export type Person = Approval["spec"]["by"];
export type How = NonNullable<Approval["spec"]["how"]>;

/** What has to be approved, as one thing: nothing else is carried out. */
export interface Asked {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly before: StoredObject | undefined;
  readonly after: StoredObject | undefined;
  /** What is called, where nothing is written. */
  readonly call?: string | undefined;
  /** More than `call` tells. */
  readonly exactly?: string | undefined;
  /** `call` in whole, for who asked and who decides. */
  readonly whole?: string | undefined;
  readonly how?: How | undefined;
}

/** The same for the same wish over the same object as it was; statuses do not count, which change all the time. */
export function hashOf({ kind, namespace, name, before, after, call, exactly, how }: Asked): string {
  const text = JSON.stringify(
    sorted({
      kind,
      namespace,
      name,
      uid: before?.metadata.uid,
      before: contentOf(before) ?? null,
      after: contentOf(after) ?? null,
      call,
      exactly,
      how,
    }),
  );
  return hash("sha256", text, "hex");
}

/** Of what somebody wishes of an object, whatever its status. */
export function contentHash(object: StoredObject | undefined): string {
  return hash("sha256", JSON.stringify(sorted(contentOf(object) ?? null)), "hex");
}

/** The rules that `effects` fall under. `changesApprovers`: it changes who approves, or what has to be, which needs all who approve anything. */
export function rulesFor(
  rules: readonly FourEyesRule[],
  effects: readonly Effect[],
  judged: readonly Labels[],
  changesApprovers: boolean,
): readonly FourEyesRule[] {
  return rules.filter(({ actions, where }) => {
    if (changesApprovers) return true;
    const test = anyOf([scopeOf(where)]);
    return effects.some(({ action }) => actions.some((one) => one === action)) && (test === undefined || judged.some(test));
  });
}

/** Roles that have to approve: each of each rule, once. */
export function needsOf(rules: readonly FourEyesRule[]): Approval["spec"]["needs"] {
  return [...new Set(rules.flatMap((rule) => rule.approvers))].map((role) => ({ role }));
}

export function personOf({ name, uid, via }: Identity): Person {
  return { name, ...(uid !== undefined && { uid }), via: via === "anonymous" ? "token" : via };
}

/** Two accounts of one person are one person, and so is whoever has no User: the admin of the machine is one, by the token of the data folder, by a session or by a token of their own. */
export function isSamePerson(one: Person, other: Person, findUser: (name: string) => User | undefined): boolean {
  if (one.uid === undefined || other.uid === undefined) return one.name === other.name;
  if (one.uid === other.uid) return true;
  const [a, b] = [findUser(one.name), findUser(other.name)];
  if (a?.metadata.uid !== one.uid || b?.metadata.uid !== other.uid) return false;
  if (a.spec.person !== undefined && a.spec.person === b.spec.person) return true;
  if (a.spec.person === b.metadata.name || b.spec.person === a.metadata.name) return true;
  return a.spec.identities.some((mine) => b.spec.identities.some((theirs) => mine.issuer === theirs.issuer && mine.subject === theirs.subject));
}

/** What would change, field by field, for those who decide; no secret. */
export function changesOf(before: StoredObject | undefined, after: StoredObject | undefined): NonNullable<Approval["spec"]["changes"]> {
  const found: { field: string; before?: string; after?: string }[] = [];
  compare("", contentOf(before), contentOf(after), found);
  return found.slice(0, CHANGES_MAX);
}

const CHANGES_MAX = 100;
const TEXT_MAX = 2_000;

function compare(field: string, before: unknown, after: unknown, found: { field: string; before?: string; after?: string }[]): void {
  if (JSON.stringify(sorted(before)) === JSON.stringify(sorted(after))) return;
  const isSecret = [before, after].some((one) => isMap(one) && one["secret"] === true);
  if (isMap(before) && isMap(after) && !isSecret) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(field === "" ? key : `${field}.${key}`, before[key], after[key], found);
    return;
  }
  const [one, other] = [JSON.stringify(sorted(hide(before))), JSON.stringify(sorted(hide(after)))];
  found.push({
    field,
    ...(one !== undefined && { before: one.slice(0, TEXT_MAX) }),
    ...(other !== undefined && { after: other.slice(0, TEXT_MAX) }),
  });
}

/** Of a secret it is told that it is another, not what it is. */
function hide(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hide);
  if (!isMap(value)) return value;
  const isSecret = value["secret"] === true && typeof value["value"] === "string";
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === "value" && isSecret ? REDACTED : hide(inner)]));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
