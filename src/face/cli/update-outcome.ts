import { type Site, site, type Update } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";
import { objectPath } from "./kubernetes.ts";
import { formatAge } from "./output.ts";

/** Says how an Update has ended; the exit status. */
export function tellEnd({ terminal }: CliContext, one: Update, refusal: string | undefined): number {
  const { name } = one.metadata;
  if (one.status?.phase === "Complete") {
    const phases = (one.status.phases ?? [])
      .map(({ phase, since, until }) => ({ phase, tookMs: Date.parse(until ?? since) - Date.parse(since) }))
      .filter(({ tookMs }) => tookMs >= 1000)
      .map(({ phase, tookMs }) => `${phase} ${formatAge(tookMs)}`);
    terminal.out(
      `update ${name}: ${terminal.paint("green", "complete")}${one.status.generation === undefined ? " (it was served already)" : ` in generation ${one.status.generation}`}${phases.length === 0 ? "" : ` (${phases.join(", ")})`}`,
    );
    const unstarted = one.status.conditions?.find((each) => each.type === "Started" && each.status === "False");
    if (unstarted !== undefined) terminal.note(`update ${name}: ${terminal.paintNote("yellow", "not started")}: ${unstarted.message}`);
    return 0;
  }
  const { phase, waits } = one.status ?? {};
  const asked = one.spec.aborted ? "given up on request" : undefined;
  const reason = waits?.[0]?.message ?? asked ?? refusal ?? (phase === "Superseded" ? "a later update came first" : "no reason was kept");
  terminal.note(`update ${name}: ${terminal.paintNote("red", phase ?? "?")}: ${reason}`);
  terminal.note(`${describeReturn(one)}; see: orrery describe update ${name}`);
  return 1;
}

/** What is served now that it has ended without being complete. */
export function describeReturn(one: Update): string {
  const isBegun = one.status?.generation !== undefined && one.status.phase !== "Superseded";
  if (isBegun && (one.status?.strategy ?? one.spec.strategy) === "rolling")
    return "calls have met the new version meanwhile; the instances of before come back one by one, see: orrery update show";
  if (isBegun && (one.status?.strategy ?? one.spec.strategy) === "recreate")
    return "calls were refused meanwhile; the instances of before are started again, see: orrery update show";
  switch (one.status?.phase) {
    case "RolledBack":
      return "new transactions have what was served before; those that began in the new versions end there";
    case "Superseded":
      return "see what came in its place: orrery update show";
    default:
      return "no transaction has met the new versions; what was served before is left as it was";
  }
}

/** Why the site refuses what the Update wanted, where it has kept that. */
export function refusalOf(one: Update, object: Site | undefined): string | undefined {
  return object?.status?.refused?.find((each) =>
    one.status?.revisions?.some((revision) => revision.service === each.service && revision.to === each.revision),
  )?.reason;
}

/** The Site. */
export async function loadSite(api: Client): Promise<Site | undefined> {
  return ((await api.request({ path: objectPath(site) })).body as { readonly items: readonly Site[] }).items[0];
}
