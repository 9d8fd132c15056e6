import type { Mutation } from "./mutation.ts";

const LEDGER = "src/traffic/update/core/drain-ledger.ts";
const STEP = "src/traffic/update/core/step.ts";
const ISSUE = "src/traffic/update/core/issue.ts";
const ADVANCE = "src/traffic/update/core/advance.ts";
const LEADING = "src/traffic/update/core/leading.ts";
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

/** Of how one revision takes the place of another: holds, exclusive use, moves, fences; and of what is asked for, heard late, or comes from before a restore. */
export const CHANGE_MUTATIONS: readonly Mutation[] = [
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
