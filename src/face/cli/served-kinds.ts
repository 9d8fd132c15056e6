import { OrreryError } from "#/base/index.ts";
import { findNearest, type Kind, lease } from "#/model/index.ts";
import { type CliContext, kindsOf } from "./context.ts";

/** What of a kind the commands need that find, show and delete its objects. */
export type ServedKind = Pick<Kind, "kind" | "plural" | "singular" | "group" | "apiVersion" | "scope" | "shortNames">;

/** Kubernetes' own kinds that the API serves beside those that it stores. */
const CORE: readonly ServedKind[] = [
  { kind: "Event", plural: "events", singular: "event", shortNames: ["ev"], group: "", apiVersion: "v1", scope: "Namespaced" },
  { kind: "Namespace", plural: "namespaces", singular: "namespace", shortNames: ["ns"], group: "", apiVersion: "v1", scope: "Cluster" },
];

/** Every kind that the API of a whole centre serves. */
export function servedKinds(context: Pick<CliContext, "parts">): readonly ServedKind[] {
  return [...kindsOf(context), lease, ...CORE];
}

/** That of `kinds` which is called so: its name (`Microservice`), plural, singular or short name; `undefined` if there is none. */
export function findServed(kinds: readonly ServedKind[], name: string): ServedKind | undefined {
  const lower = name.toLowerCase();
  return kinds.find((kind) => kind.kind === name || kind.plural === lower || kind.singular === lower || kind.shortNames?.includes(lower) === true);
}

/** The kind of that name in any of its forms.
 *  @throws cli/usage: there is none */
export function kindNamed(context: Pick<CliContext, "parts">, name: string): ServedKind {
  const kinds = servedKinds(context);
  const kind = findServed(kinds, name);
  if (kind === undefined) throw noKind(name, kinds);
  return kind;
}

/** That none of `known` is called so; with the nearest one. */
export function noKind(name: string, known: readonly ServedKind[]): OrreryError {
  const nearest = findNearest(
    name,
    known.flatMap((one) => [one.plural, one.singular, ...(one.shortNames ?? [])]),
  );
  return new OrreryError(
    "cli/usage",
    `there is no kind ${JSON.stringify(name)}${nearest === undefined ? "" : `; did you mean ${nearest}?`}; kinds: ${known.map((one) => one.plural).join(", ")}`,
  );
}

/** `microservice.orrery.dev/auth`, `event/auth.17`: as kubectl names objects. */
export function qualifiedName({ singular, group }: ServedKind, name: string): string {
  return `${singular}${group === "" ? "" : `.${group}`}/${name}`;
}
