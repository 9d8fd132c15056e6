import type { Edit, Mutation } from "./mutation.ts";

const LEDGER = "src/traffic/update/core/drain-ledger.ts";
const STEP = "src/traffic/update/core/step.ts";
const ISSUE = "src/traffic/update/core/issue.ts";
const ADVANCE = "src/traffic/update/core/advance.ts";
const PREPARING = "src/traffic/update/core/preparing.ts";
const SIGHT = "src/traffic/update/core/sight.ts";
const LEADING = "src/traffic/update/core/leading.ts";
const DISTRIBUTION = "src/traffic/routing/distribution/distribution.ts";
const CALLS = "src/traffic/gateway/core/calls.ts";
const HOST_CALLS = "src/traffic/gateway/core/host-calls.ts";
const LIVE_TABLE = "src/traffic/gateway/core/live-table.ts";
const PLAN = "src/work/controllers/microservice/instance-plan.ts";
const FENCES = "src/traffic/update/core/fences.ts";

const POSITION: Edit = {
  file: LEDGER,
  find: "report === undefined || count === undefined || !isAtLeast(report.position, drain.unstamped) ||",
  replace: "report === undefined || count === undefined ||",
};
const STARTED: Edit = {
  file: LEDGER,
  find: " || quiet.started.size !== started.size || [...started].some(([gateway, count]) => quiet.started.get(gateway) !== count)",
  replace: "",
};

/** Of how generations are issued, made known, routed by, drained and closed. */
export const GENERATION_MUTATIONS: readonly Mutation[] = [
  {
    name: "zero-before-stop-order",
    without:
      "zero is counted at a table that still stamps the generation, or at one that is not on disk yet: a gateway that is killed then comes back with the one before",
    ...POSITION,
  },
  {
    name: "single-round",
    without: "a call that moves between two gateways while they are asked is missed by both",
    file: LEDGER,
    find: `      part.quiet = { atMs: nowMs, started };
      return;`,
    replace: `      part.isEmpty = true;
      return;`,
  },
  {
    name: "started-counters-ignored",
    without: "a call that began and moved on between two rounds is missed",
    ...STARTED,
  },
  {
    name: "linger-ignored",
    without: "work that goes on shortly after the answer, and calls then, is missed",
    file: LEDGER,
    find: "if (round.askedAtMs >= quiet.atMs + this.#policy.lingerMs) part.isEmpty = true;",
    replace: "part.isEmpty = true;",
  },
  {
    name: "open-calls-ignored",
    without: "what is open is not looked at",
    file: LEDGER,
    find: " || count.open > 0) {",
    replace: ") {",
    with: [
      { file: LEDGER, find: "if (countOf(report, generation, part.services).open === 0) continue;", replace: "continue;" },
      { file: LEDGER, find: "      if (count.open > 0 && !part.isEmpty) {", replace: "      if (count.open > 1e9) {" },
    ],
  },
  {
    name: "former-incarnation-forgotten",
    without: "what a gateway had in flight when it was killed is forgotten with its counts",
    file: LEDGER,
    find: "if (gateway.incarnation > 1 && generation",
    replace: "if (gateway.incarnation > 1e9 && generation",
  },
  {
    name: "routes-taken-for-the-site",
    without: "what a gateway had in flight when it was killed lasts longer than it is waited for, where a route allows that",
    file: LEADING,
    find: "longestMs = Math.max(longestMs, durationMs(own.maxTransaction));",
    replace: "longestMs += 0;",
  },
  {
    name: "lost-gateway-assumed-dead",
    without: "a gateway that is only not connected goes on stamping and carrying",
    file: SIGHT,
    find: "    return [...registered].map((one) => {",
    replace: "    return [...registered].filter((one) => connectedAs(one.metadata.name) !== undefined).map((one) => {",
  },
  {
    name: "former-epoch-acknowledgements-counted",
    without: "a table of a former leader counts as the new one's",
    file: DISTRIBUTION,
    find: "|| position.history !== this.#options.history || position.epoch !== this.#options.epoch) return;",
    replace: ") return;",
    with: [{ file: LEADING, find: "acknowledged.epoch === wanted.epoch && ", replace: "" }],
  },
  {
    name: "older-table-applied",
    without: "a late table of a former leader brings back what was stamped before",
    file: LIVE_TABLE,
    find: "(isOlder(update.table.position, current.position) || isSamePosition(update.table.position, current.position))",
    replace: "isSamePosition(update.table.position, current.position)",
    with: [{ file: DISTRIBUTION, find: "this.#admitted.delete(gateway);", replace: "" }],
  },
  {
    name: "site-write-unconditional",
    without: "a former leader that goes on overwrites what was decided meanwhile",
    file: "src/traffic/update/core/site-update.ts",
    find: "return { metadata: object.metadata, spec",
    replace: "return { metadata: { name: object.metadata.name } as typeof object.metadata, spec",
  },
  {
    name: "stamped-before-acknowledged",
    without: "calls reach gateways that do not know their generation",
    file: FENCES,
    find: "const ignorant = observed.gateways.filter((gateway) => ",
    replace: "const ignorant = observed.gateways.filter((gateway) => gateway.name === '' && ",
  },
  {
    name: "distributed-before-complete",
    without: "a table counts as knowing a generation before it has its map",
    file: LEADING,
    find: 'one.phase !== "Preparing" && isComplete(one.number, one.changes ?? [])',
    replace: 'one.phase !== "Preparing"',
  },
  {
    name: "not-awaited-until-ready",
    without: "new transactions meet instances that are still starting",
    file: PREPARING,
    find: ".filter((one) => one.ready < one.wanted);",
    replace: ".filter((one) => one.ready < 0);",
  },
  {
    name: "ready-once-is-ready",
    without: "a version that ends soon after each start is served in the place of one that works",
    file: "src/model/instance.ts",
    find: "status?.ready === true && status.available === true;",
    replace: "status?.ready === true;",
  },
  {
    name: "others-take-back-what-is-prepared",
    without: "each change of another service takes back what is under way, and what starts slowly begins anew with each",
    file: ADVANCE,
    find: "if (!isWanted) return abort(site, pending, WISH_CHANGED, site.refused, nowMs);",
    replace: "if (!isWanted || others.length > 0) return abort({ ...site, preparing: [] }, pending, WISH_CHANGED, site.refused, nowMs);",
  },
  {
    name: "all-wait-for-what-is-prepared",
    without: "others wait for a service that starts slowly, or never",
    file: PREPARING,
    find: "const PATIENCE_SHARE = 1 / 24;",
    replace: "const PATIENCE_SHARE = 1e9;",
  },
  {
    name: "ready-together-with-what-starts",
    without: "what was set aside and is ready goes with the next that starts, again and again",
    file: PREPARING,
    find: "if (ready.length > 0)",
    replace: "if (ready.length > 1e9)",
    with: [
      {
        file: PREPARING,
        find: "groups.flat().map((one) => one.service)",
        replace: "groups.filter((group) => !group.every((one) => ready.includes(one))).flat().map((one) => one.service)",
      },
    ],
  },
  {
    name: "closed-without-emptiness",
    without: "a generation is closed while its transactions are in flight",
    file: STEP,
    find: 'one.phase === "Draining" && observed.drainOf(one.number).isEmpty);',
    replace: 'one.phase === "Draining");',
  },
  {
    name: "numbers-by-counter-alone",
    without: "a Generation that was made and never named keeps its number for ever",
    file: ISSUE,
    find: "Math.max(site.counter, observed.numberMax) + 1",
    replace: "site.counter + 1",
  },
  {
    name: "wrong-revision-admitted",
    without: "a leaked trace context carries calls of one revision into another's generation",
    file: HOST_CALLS,
    find: "this.#table.takesPart(generation, caller.service, caller.revision)) return undefined;",
    replace: 'caller.revision !== "") return undefined;',
  },
  {
    name: "unknown-generation-guessed",
    without: "a call of a generation that is not in the table is routed by another one",
    file: HOST_CALLS,
    find: "const known = this.#table.generation(context.generation);",
    replace: "const known = this.#table.generation(context.generation) ?? this.#table.generations[0];",
  },
  {
    name: "context-from-outside-ignored",
    without: "calls of services belong to no transaction",
    file: HOST_CALLS,
    find: 'const context = head === undefined ? ({ kind: "none", reason: "absent" } as const)',
    replace: 'const context = head !== null ? ({ kind: "none", reason: "absent" } as const)',
  },
  {
    name: "retry-by-stamp",
    without: "a retry goes to the revision that is stamped now",
    file: CALLS,
    find: "const revision: RevisionState = this.#table.revision(call.revision.name) ?? call.revision;",
    replace:
      'const revision: RevisionState = this.#table.revision(this.#table.generation(this.#table.stamp?.generation ?? 0)?.assignments.get(call.service) ?? "") ?? call.revision;',
  },
  {
    name: "deleted-instances-chosen",
    without: "calls go to instances that are being stopped",
    file: "src/traffic/routing/table/entries.ts",
    find: "return instance.status?.ready === true && !isLeaving(instance);",
    replace: "return instance.status?.ready === true;",
  },
  {
    name: "leaving-instances-called-if-unanswered",
    without: "calls go to an instance that is being stopped, because its host had too much to do before",
    file: "src/traffic/routing/table/entries.ts",
    find: "return instance.status?.unanswered === true && !isLeaving(instance);",
    replace: "return instance.status?.unanswered === true;",
  },
  {
    name: "unanswered-is-not-called",
    without: "a host with too much to do for its checks gets no calls, although it would answer them",
    file: "src/traffic/gateway/core/endpoint.ts",
    find: "if (this.readyCount === 0) this.#callable = reachable.filter((one) => one.isUnanswered);",
    replace: "",
  },
  {
    name: "stopped-while-tables-name-it",
    without: "an instance is stopped, and its port given away, while gateways still send calls there",
    file: DISTRIBUTION,
    find: "    for (const name of gateways) {\n      const connection",
    replace: "    for (const name of [] as string[]) {\n      const connection",
  },
  {
    name: "lost-gateways-hold-no-instance",
    without: "a gateway that is cut off dials an address that was given to another revision",
    file: DISTRIBUTION,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: text of the source that is replaced
    find: "if (connection === undefined)\n        return `gateway ${name} is not connected and may still know it; bring it back, or, if it is surely dead, run: orrery gateway forget ${name}`;",
    replace: "if (connection === undefined) continue;",
  },
  {
    name: "told-before-registered",
    without: "a gateway serves that no drain counts on",
    file: DISTRIBUTION,
    find: "if (!this.#options.isAdmitted()) return undefined;",
    replace: "",
  },
  {
    name: "lost-acknowledgement-not-repeated",
    without: "an acknowledgement that was lost with its connection is waited for",
    file: DISTRIBUTION,
    find: "    this.acknowledge(report.gateway, report.position);\n",
    replace: "",
  },
  {
    name: "unclaimed-instances-counted",
    without: "an instance counts as ready that a decision made before is about to delete",
    file: SIGHT,
    find: "(one.spec.neededBy ?? 0) >= claim",
    replace: "claim >= 0",
  },
  {
    name: "unseen-revision-counts-as-ready",
    without: "a revision that is not seen yet needs no instance",
    file: SIGHT,
    find: 'if (revision === undefined) return { wanted: 1, ready: 0, reason: "its Revision is not seen yet" };',
    replace: "if (revision === undefined) return { wanted: 0, ready: 0 };",
  },
  {
    name: "draining-revisions-not-needed",
    without: "instances are deleted while older transactions still reach them",
    file: PLAN,
    find: "if (mapped === undefined || open.left",
    replace: 'if (mapped === undefined || open.phase === "Draining" || open.left',
  },
  {
    name: "no-wait-named",
    without: "an update waits and nobody can tell why",
    file: LEDGER,
    find: "return { isEmpty: waits.length === 0, open, waits };",
    replace: "return { isEmpty: waits.length === 0, open, waits: [] };",
  },
];
