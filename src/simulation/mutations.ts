/** One change of the real source. */
export interface Edit {
  /** From the project's root. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A guard that is taken away, with those that mask it. The simulation must fail then: a guard that nothing misses should not be there. */
export interface Mutation extends Edit {
  readonly name: string;
  /** What goes wrong without the guard. */
  readonly without: string;
  /** Further edits, where another guard holds the same thing. */
  readonly with?: readonly Edit[];
}

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
const GENERATION_CHOICE = "src/traffic/gateway/core/generation-choice.ts";
const LIVE_TABLE = "src/traffic/gateway/core/live-table.ts";
const PLAN = "src/work/controllers/microservice/instance-plan.ts";
const HOLD = "src/traffic/update/core/hold.ts";
const EXCLUSIVE = "src/traffic/update/core/exclusive.ts";
const CHANGES = "src/traffic/update/core/changes.ts";
const FENCES = "src/traffic/update/core/fences.ts";
const ENDPOINT = "src/traffic/gateway/core/endpoint.ts";
const BACKGROUND = "src/traffic/update/core/background.ts";
const BUILDER = "src/traffic/routing/table/builder.ts";

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

export const MUTATIONS: readonly Mutation[] = [
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
  {
    name: "held-over-older-generations",
    without: "new transactions wait for what began long before, as long as that lasts",
    file: HOLD,
    find: "  if (older.length > 0) {",
    replace: "  if (older.length < 0) {",
  },
  {
    name: "held-but-not-awaited",
    without: "the switch comes while transactions run for which new ones were held: both revisions are met at once",
    file: HOLD,
    find: "if (unready.length === 0 && open.every((one) => one.isEmpty)) {",
    replace: "if (unready.length === 0) {",
  },
  {
    name: "held-without-end",
    without: "new transactions are held as long as the slowest running one lasts",
    file: HOLD,
    find: "  if (nowMs >= untilMs)\n    return back(",
    replace: "  if (nowMs >= Number.POSITIVE_INFINITY)\n    return back(",
  },
  {
    name: "released-before-active",
    without: "held transactions go on and meet instances that may not use the thing yet",
    file: HOLD,
    find: "return active < wanted;",
    replace: "return active < 0;",
  },
  {
    name: "held-during-an-interlock",
    without: "an exclusive service is handed over although that was forbidden meanwhile",
    file: HOLD,
    find: "if (interlock !== undefined) return goBack(",
    replace: "if (interlock === null) return goBack(",
  },
  {
    name: "interlock-ignored",
    without: "a service is updated while a Resource forbids it",
    file: ADVANCE,
    find: "  if (interlock !== undefined) {",
    replace: "  if (interlock === null) {",
  },
  {
    name: "interlock-ignored-at-issue",
    without: "instances are replaced while a Resource forbids it",
    file: ISSUE,
    find: "  if (interlock !== undefined) {",
    replace: "  if (interlock === null) {",
  },
  {
    name: "not-held-but-stamped-as-before",
    without: "what can reach nothing that is held joins those that are waited for, and they never end",
    file: "src/traffic/gateway/core/stamp.ts",
    find: "if (hold !== undefined) return hold.to;",
    replace: "",
  },
  {
    name: "undeclared-calls-not-held",
    without: "a service that does not say whom it calls is taken to call nobody, and meets what is held",
    file: LIVE_TABLE,
    find: "if (revision?.calls === undefined) return true;",
    replace: "if (revision?.calls === undefined) continue;",
  },
  {
    name: "undeclared-calls-admitted",
    without: "transactions that were let pass reach what is held all the same",
    file: HOST_CALLS,
    find: "if (callerRevision?.calls?.has(service) === false || caller?.calls?.includes(service) === false) {",
    replace: "if (callerRevision?.calls?.has(service) === undefined && caller?.calls?.includes(service) === false) {",
  },
  {
    name: "unlabelled-calls-not-held-back",
    without: "calls without a context that can reach what is held get the generation that comes",
    file: GENERATION_CHOICE,
    find: "hold === undefined || this.#table.isHeld(caller.service) ? plan.generation : hold.to;",
    replace: "hold === undefined ? plan.generation : hold.to;",
  },
  {
    name: "everything-held",
    without: "transactions wait that cannot reach what is held",
    file: GENERATION_CHOICE,
    find: "plan.hold !== undefined && this.#table.isHeld(service)",
    replace: "plan.hold !== undefined",
  },
  {
    name: "exclusive-beside-another",
    without: "two revisions use what only one may use",
    file: PLAN,
    find: 'if (present === "passive") return isUser ? needed : "passive";',
    replace: 'if (present === "passive") return needed;',
  },
  {
    name: "exclusive-by-an-old-site",
    without: "who knows only an old Site gives the thing to a revision that has lost it meanwhile",
    file: PLAN,
    find: "now?.epoch === epoch && userOf(now, service) === userOf(seen, service);",
    replace: "now?.epoch === epoch || seen === now;",
  },
  {
    name: "instances-changed-by-a-former-leader",
    without:
      "a former leader acts on decisions of the new one before that one has heard of them itself, or gives an exclusive thing to whom it knows",
    file: PLAN,
    find: "now?.epoch === epoch && userOf(now, service)",
    replace: "epoch !== undefined && userOf(now, service)",
  },
  {
    name: "exclusive-while-in-use",
    without: "the thing is given to the next revision while the former one uses it",
    file: EXCLUSIVE,
    find: "(isMoreThanPassive || user === undefined || revision === user)",
    replace: "revision === null",
  },
  {
    name: "exclusive-made-active",
    without: "who makes an instance late, knowing only what was, makes a second user of the thing",
    file: PLAN,
    find: 'need: exclusive ? { ...need, duty: "passive" } : need, host',
    replace: "need, host",
  },
  {
    name: "exclusive-ramped",
    without: "new transactions meet a revision that stays passive as long as the ramp lasts",
    file: ADVANCE,
    find: "site.stamp !== undefined && !isExclusive && intent",
    replace: "site.stamp !== undefined && intent",
  },
  {
    name: "moves-forgotten-at-the-switch",
    without: "older transactions are sent back to instances that are gone",
    file: STEP,
    find: "const moves = site.moves.filter((one) => oldest < one.before);",
    replace:
      'const moves = site.moves.filter((one) => oldest < one.before && !site.generations.some((open) => open.number === one.before && open.phase === "Active"));',
  },
  {
    name: "planned-moves-followed",
    without: "what an instance still does for an older generation goes into one that may be moved to its revision",
    file: GENERATION_CHOICE,
    find: "else once = one;",
    replace: "else return one;",
  },
  {
    name: "moves-undone-at-once",
    without: "a rolling update that is given up leaves nobody to serve until the former instances are back",
    file: CHANGES,
    find: "    if (isPartial !== true) return",
    replace: "    if (before > 0) return",
  },
  {
    name: "moved-revision-not-in-the-table",
    without: "instances of an update that was given up cannot be reached although calls still go there",
    file: BUILDER,
    find: "this.#mappings.has(key) || this.#site()?.status?.moves?.some((one) => one.to === key) === true;",
    replace: "this.#mappings.has(key);",
  },
  {
    name: "moving-back-not-awaited",
    without: "the next generation is stamped while its instances are not yet back",
    file: STEP,
    find: "  if (waiting.length === 0) return undefined;",
    replace: "  if (waiting.length >= 0) return undefined;",
  },
  {
    name: "rolled-all-at-once",
    without: "the old instances go before the new ones are ready",
    file: PLAN,
    find: "limits.set(move.from, Math.max(0, replicas - ready));",
    replace: "limits.set(move.from, 0);",
  },
  {
    name: "rolled-under-a-newer-generation",
    without: "what a rolling update takes away is missing to a generation that came after it",
    file: PLAN,
    find: "one.number > move.before && input.mapOf(one.number)",
    replace: "one.number < 0 && input.mapOf(one.number)",
  },
  {
    name: "unclaimed-instances-replace",
    without: "a rolling update counts on an instance that an older decision is about to delete",
    file: PLAN,
    find: "(one.spec.neededBy ?? 0) >= move.before)",
    replace: "move.before > 0)",
  },
  {
    name: "recreated-beside-the-old",
    without: "the new instances begin while the old ones are still there",
    file: PLAN,
    find: "if (revision === undefined || (last !== undefined && !isAlone)) continue;",
    replace: "if (revision === undefined) continue;",
  },
  {
    name: "calling-services-not-counted",
    without: "what has answered and works on is not seen while it calls something else",
    file: CALLS,
    find: "callerCounts: caller === undefined ? undefined : counts.ofService(caller.service),",
    replace: "callerCounts: undefined,",
  },
  {
    name: "fences-not-kept",
    without: "calls of the new generation go to hosts whose gateway does not know it, and are refused there",
    file: ENDPOINT,
    find: "if (this.#hasFence) candidates =",
    replace: "if (false) candidates =",
  },
  {
    name: "freed-without-knowing",
    without: "a host serves newer generations again as soon as its gateway is connected",
    file: FENCES,
    find: "gateway.isConnected && needed.every((number) => gateway.knows(number))",
    replace: "gateway.isConnected",
  },
  {
    name: "fenced-whoever-is-left",
    without: "the only host of a service is fenced, and its new transactions are refused",
    file: FENCES,
    find: "late.length === 0 ? undefined : shortageWithout(site, generation, late, observed, nowMs)",
    replace: "late.length === 0 ? undefined : undefined",
  },
  {
    name: "late-status-taken",
    without: "what an agent wrote on a connection that broke is carried out after what it has written since",
    file: "src/work/agent/core/status-input.ts",
    find: "{ name, uid, resourceVersion, ...",
    replace: "{ name, uid, ...(resourceVersion === null ? { resourceVersion } : {}), ...",
  },
  {
    name: "busy-not-asked",
    without: "what an instance says that it works on, and no call shows, is cut off",
    file: LEDGER,
    find: "    if (!this.#busyIn(generation, part).every((instance) => this.#background.isIdle(instance, quiet.atMs, round.askedAtMs))) return;\n",
    replace: "",
  },
  {
    name: "busy-where-it-was-moved-not-asked",
    without: "what an instance to which calls were moved works on is not asked for",
    file: BACKGROUND,
    find: "revisionsTakingPart(own, generation, mapped).has(name)",
    replace: "mapped === name && own !== null && generation > 0 && revisionsTakingPart !== null",
  },
  {
    name: "restored-numbers-go-on",
    without: "a number that was issued after the backup is issued again",
    file: LEADING,
    find: "(isRestored(status, history) ? RESTORE_JUMP : 0)",
    replace: "0",
  },
  {
    name: "put-back-unnoticed",
    without: "a store whose file was copied back gives numbers again that gateways know with another meaning",
    file: LEADING,
    find: "  if (state === undefined) return false;\n  if (state.history",
    replace: "  if (state !== null) return false;\n  if (state.history",
  },
  {
    name: "own-epoch-not-told-apart",
    without: "the tables of two leaders that had the same number, before and after a file was copied back, are taken for one another",
    file: LEADING,
    find: "  if (position.epoch === state.epoch && !own.hasServed) return true;\n",
    replace: "",
  },
  {
    name: "former-contexts-guessed",
    without: "what began before a restore goes on in another generation",
    file: HOST_CALLS,
    find: 'context.reason === "forged" ? this.#formerGeneration',
    replace: "context.reason === null ? this.#formerGeneration",
  },
  {
    name: "stamped-before-heard",
    without: "what begins after a restore meets gateways that cannot read its context yet, and take it for none",
    file: BUILDER,
    find: "unheardSince !== undefined ? undefined :",
    replace: "unheardSince === null ? undefined :",
  },
  {
    name: "exclusive-by-the-store-alone",
    without: "after the store was put back, what runs and is not in it uses an exclusive thing beside another revision",
    file: "src/work/agent/core/rival.ts",
    find: 'exclusive !== true || duty === "passive"',
    replace: 'exclusive !== null || duty === "passive"',
  },
];
