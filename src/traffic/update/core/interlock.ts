import type { Microservice, Resource } from "#/model/index.ts";
import type { Wait } from "./state.ts";

/** What forbids to update `services` now: the first condition of a Resource (`notDuring`) that is true, or not known; `undefined` if nothing does. */
export function interlockOf(
  services: Iterable<Microservice | undefined>,
  resourceOf: (name: string) => Resource | undefined,
  nowMs: number,
): Wait | undefined {
  for (const service of services) {
    for (const { resource: name, condition } of service?.spec.notDuring ?? []) {
      const state = stateOf(resourceOf(name), condition);
      if (state.value === false) continue;
      const is = state.value === undefined ? `may be ${condition}: ${state.why}` : `is ${condition}`;
      return {
        reason: state.value === true ? "Interlocked" : "InterlockUnknown",
        object: `resource/${name}`,
        sinceMs: nowMs,
        message: `${service?.metadata.name} is not updated while ${name} is ${condition}, and ${name} ${is}; it goes on by itself when that is over. To update all the same, take it out of notDuring of ${service?.metadata.name}`,
      };
    }
  }
  return undefined;
}

/** A condition of the Resource's status, or a property of what was observed last. */
function stateOf(
  resource: Resource | undefined,
  condition: string,
): { readonly value: boolean } | { readonly value: undefined; readonly why: string } {
  if (resource === undefined) return { value: undefined, why: "there is no such Resource" };
  const told = resource.status?.conditions?.find((one) => one.type === condition);
  if (told !== undefined) {
    if (told.status === "Unknown") return { value: undefined, why: told.message };
    return { value: told.status === "True" };
  }
  const ready = resource.status?.conditions?.find((one) => one.type === "Ready");
  if (ready !== undefined && ready.status !== "True") return { value: undefined, why: ready.message };
  const observed = resource.status?.observed?.[condition];
  if (typeof observed === "boolean") return { value: observed };
  return { value: undefined, why: `its probe tells no property ${condition} that is true or false, and its status has no such condition` };
}
