import { type Clock, isOrreryError, type Log, OrreryError } from "#/base/index.ts";
import {
  type Action,
  type Approval,
  approval,
  durationMs,
  type Kind,
  role,
  SITE_NAME,
  type StoredObject,
  site,
  timestamp,
  type User,
  user,
} from "#/model/index.ts";
import type { ObjectInput, Store } from "#/state/store/index.ts";
import { approvalWish, forgetOldWishes } from "./approval-wish.ts";
import { type FindLabels, judgedLabels } from "./belonging.ts";
import { CarriesOut, type CarryingOut, keyOf } from "./carrying-out.ts";
import type { Effect, Identity } from "./contract.ts";
import { type EffectContext, effects } from "./effects.ts";
import { type Asked, changesOf, type FourEyesRule, type How, hashOf, isSamePerson, needsOf, type Person, personOf, rulesFor } from "./four-eyes.ts";
import type { SiteAuthorizer } from "./site-authorizer.ts";

/** That wait at one time. */
const WAITING_MAX = 500;
const ATTEMPTS_MAX = 20;
const COMPONENT = "approvals";

export interface ApprovalsOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly clock: Clock;
  readonly log: Log;
  readonly decides: Pick<SiteAuthorizer, "holdsRole" | "rolesOfUser">;
  /** As the authorizer, of who asked, when it is carried out. */
  readonly checkChange: (who: Identity, kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined) => Promise<void>;
  readonly rules: () => readonly FourEyesRule[];
  readonly findUser: (name: string) => User | undefined;
  readonly findLabels: FindLabels;
  readonly context: (kind: Kind, before: StoredObject | undefined) => Promise<EffectContext>;
  readonly signal?: AbortSignal;
  /** Id of the store's history: what was asked for in another one has lapsed. Absent: there is but one. */
  readonly history?: string;
  /** Of what a former centre was approved to do: by whom the audit is told. */
  readonly resuming?: (one: Approval) => CarryingOut;
}

/** What a request says beside what it asks for. */
export interface Asking {
  readonly isDryRun?: boolean;
  readonly reason?: string;
  /** Why one person does it alone. */
  readonly breakGlass?: string;
  /** In which way it is written. */
  readonly how?: How;
  /** Of a server-side apply: its body. */
  readonly applied?: ObjectInput;
  /** Tells the person. */
  readonly warn?: (text: string) => void;
}

/** What is no write. */
export interface Call {
  readonly objects: readonly StoredObject[];
  /** In words, for those who decide. */
  readonly call: string;
  /** What `call` may tell in part alone: another is another wish. */
  readonly exactly?: string;
  /** `call` in whole, where it may hold what not everybody may read: for who asked and who decides alone. */
  readonly whole?: string;
}

/** Four eyes: what the Site names waits until others approve it, and only that is carried out. It guards what a write does, whichever way it comes. */
export class Approvals {
  readonly #options: ApprovalsOptions;
  readonly #carries: CarriesOut;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
    this.#carries = new CarriesOut({ ...options, end: (...given) => this.#end(...given) });
  }

  /** Whether anything of `who` may have to wait. What agents and gateways report never does. */
  guards(who: Identity): boolean {
    return this.#options.rules().length > 0 && !(who.via === "machine" && !who.groups.includes("orrery:admins"));
  }

  /** Asked just before a write, when rights have let it through.
   *  @throws access/waits: it waits for others; `details.approval` names the Approval */
  async guard(
    who: Identity,
    kind: Kind,
    [before, after]: readonly [StoredObject | undefined, StoredObject | undefined],
    asking: Asking,
  ): Promise<void> {
    const object = before ?? after;
    if (!this.guards(who) || object === undefined) return;
    const found = effects(kind, before, after, await this.#options.context(kind, before));
    // A status is what somebody saw: nothing is wished by it, and nobody is made an approver.
    if (found.length === 0 || found.every(({ action }) => action === "status")) return;
    const { namespace, name } = object.metadata;
    const asked = { kind: kind.kind, namespace, name, before, after, how: asking.how };
    await this.#demand(who, asked, found, asking, await this.#changesApprovers(kind, before, after));
  }

  /** The same of what is no write: a script that is run, a backup. What was approved may be done once, by who asked, within its time; of several objects, when it was approved for all of them. */
  async guardCall(who: Identity, action: Action, { objects, call, exactly, whole }: Call, asking: Asking): Promise<void> {
    if (!this.guards(who)) return;
    const tickets: Approval[] = [];
    const waits: unknown[] = [];
    for (const object of objects) {
      const { kind, metadata } = object;
      const asked: Asked = { kind, namespace: metadata.namespace, name: metadata.name, before: object, after: undefined, call, exactly, whole };
      const ticket = asking.isDryRun === true ? undefined : await this.#findOwn(who, hashOf(asked), "Approved");
      if (ticket !== undefined) tickets.push(ticket);
      else await this.#demand(who, asked, [{ action, object }], asking, false).catch((error: unknown) => waits.push(error));
    }
    // None is used up before all are there.
    if (waits.length > 0) throw waits[0];
    const message = "begun by who asked; what came of it stands in the audit";
    for (const ticket of tickets)
      await this.#write(ticket, { ...ticket.status, phase: "Done", doneAt: timestamp(this.#options.clock.now()), message });
  }

  /** @throws access/waits, as above */
  async #demand(who: Identity, asked: Asked, found: readonly Effect[], asking: Asking, changesApprovers: boolean): Promise<void> {
    const { before, after } = asked;
    const judged = [before, after].flatMap((one) => (one === undefined ? [] : judgedLabels(one, this.#options.findLabels)));
    const matching = rulesFor(this.#options.rules(), found, judged, changesApprovers);
    if (matching.length === 0) return;
    const needs = needsOf(matching);
    const roles = needs.map((one) => one.role).join(" and ");
    if (asking.isDryRun === true) return asking.warn?.(`this would wait until ${roles} approve${needs.length === 1 ? "s" : ""} it`);
    const withinMs = Math.min(...matching.map(({ within }) => durationMs(within)));
    const spec: Approval["spec"] = {
      actions: found.map(({ action }) => action),
      verb: asked.call !== undefined ? "call" : before === undefined ? "create" : after === undefined ? "delete" : "update",
      object: { kind: asked.kind, name: asked.name, ...(asked.namespace !== undefined && { namespace: asked.namespace }) },
      labels: [...new Map(judged.map((labels) => [JSON.stringify(Object.entries(labels).sort()), labels])).values()],
      ...(asked.call !== undefined && { call: asked.call }),
      ...(asked.how !== undefined && { how: asked.how }),
      by: personOf(who),
      ...(asking.reason !== undefined && { reason: asking.reason.slice(0, 2_000) }),
      ...(asked.call === undefined && { changes: changesOf(before, after) }),
      hash: hashOf(asked),
      needs,
      until: timestamp(this.#options.clock.now() + withinMs),
    };
    if (asking.breakGlass !== undefined) return await this.#breakGlass(who, spec, asked, asking.breakGlass);
    const known = await this.#findOwn(who, spec.hash, "Waiting");
    const made = known ?? (await this.#make(who, spec, asked, asking));
    throw new OrreryError(
      "access/waits",
      `${asked.call ?? spec.actions.join(", ")} of ${asked.kind} ${asked.name} waits as approval ${made.metadata.name} until ${roles} approve${needs.length === 1 ? "s" : ""} it, by ${made.spec.until} at the latest: orrery approval show ${made.metadata.name}`,
      { details: { approval: made.metadata.name, object: made } },
    );
  }

  async #findOwn(who: Identity, hash: string, phase: "Waiting" | "Approved"): Promise<Approval | undefined> {
    const { items } = await this.#options.store.list(approval, { fieldSelector: `status.phase=${phase}` });
    const nowMs = this.#options.clock.now();
    return items.find((one) => one.spec.hash === hash && isInTime(one, nowMs) && this.#isSame(one.spec.by, personOf(who)));
  }

  async #make(who: Identity, spec: Approval["spec"], { after, whole }: Asked, { applied }: Asking): Promise<Approval> {
    const { store, clock, history } = this.#options;
    const waiting = (await store.list(approval, { fieldSelector: "status.phase=Waiting" })).items.filter(
      (one) => Date.parse(one.spec.until) > clock.now(),
    );
    if (waiting.length >= WAITING_MAX)
      throw new OrreryError("api/busy", `${WAITING_MAX} approvals wait already: decide some of them first: orrery approval list`, {
        retry: "backoff",
      });
    const generateName = `${spec.object.kind.toLowerCase()}-${spec.object.name.slice(0, 30).replace(/[^a-z0-9]+$/, "")}-`;
    const kept = {
      ...(after !== undefined && { after: after as unknown as Record<string, unknown> }),
      ...(applied !== undefined && { applied: applied as unknown as Record<string, unknown> }),
      ...(whole !== undefined && { call: whole }),
      ...(history !== undefined && { history }),
      who: { ...personOf(who), groups: [...who.groups] },
    };
    // First what is carried out, then who may be asked about it.
    const wish = await store.create(approvalWish, { metadata: { generateName }, spec: kept });
    const made = await store.create(
      approval,
      { metadata: { name: wish.metadata.name }, spec, status: { phase: "Waiting" } },
      { subresource: "status" },
    );
    this.#tell(
      made,
      "Normal",
      "Waiting",
      `${spec.by.name} asks for ${spec.actions.join(", ")} of ${spec.object.kind} ${spec.object.name}${spec.reason === undefined ? "" : `: ${spec.reason}`}`,
    );
    return made;
  }

  /** One person does it alone: written down first, and told to all, until somebody else has looked at it. */
  async #breakGlass(who: Identity, spec: Approval["spec"], { whole }: Asked, reason: string): Promise<void> {
    if (reason.trim() === "") throw new OrreryError("api/bad-request", "breaking the glass takes a reason: --break-glass REASON");
    const { store } = this.#options;
    const generateName = `glass-${spec.object.kind.toLowerCase()}-`;
    const made = await store.create(
      approval,
      { metadata: { generateName }, spec: { ...spec, reason: reason.slice(0, 2_000) }, status: { phase: "BrokenGlass" } },
      { subresource: "status" },
    );
    if (whole !== undefined)
      await store.create(approvalWish, {
        metadata: { name: made.metadata.name },
        spec: { call: whole, who: { ...personOf(who), groups: [...who.groups] } },
      });
    const text = `${spec.by.name} did alone what others have to approve: ${spec.actions.join(", ")} of ${spec.object.kind} ${spec.object.name}: ${reason}; look at it: orrery approval show ${made.metadata.name}`;
    this.#tell(made, "Warning", "BrokenGlass", text);
    this.#options.log.warn(`approvals: ${text}`);
    const one = await store.get(site, { name: SITE_NAME });
    if (one !== undefined)
      this.#options.store.emit({
        kind: site,
        object: one,
        type: "Warning",
        reason: "BrokenGlass",
        message: text.slice(0, 1_000),
        component: COMPONENT,
      });
  }

  /** What is called, whole, for who asked for it and who may decide it; as it is told to all, where that is all or it is long over.
   *  @throws store/missing; api/forbidden */
  async callOf(who: Identity, name: string): Promise<string> {
    const { store, decides } = this.#options;
    const one = await store.get(approval, { name });
    if (one?.spec.call === undefined)
      throw new OrreryError("store/missing", `approvals.orrery.dev "${name.slice(0, 100)}" not found, or it is no call`, {
        details: { kind: "Approval", name },
      });
    const judged = await this.#judgedOf(one);
    if (!this.#isSame(one.spec.by, personOf(who)) && !one.spec.needs.some((need) => decides.holdsRole(who, need.role, judged)))
      throw forbidden(
        `what is called is told to who asked for it, and to who has the role ${one.spec.needs.map((need) => need.role).join(" or ")} for it`,
      );
    return (await store.get(approvalWish, { name }))?.spec.call ?? one.spec.call;
  }

  /** Approves as `who`; the last that is needed carries it out. Returns it as it is then.
   *  @throws store/missing; access/decided: it no longer waits; api/forbidden: they have asked for it themselves, have decided already, or have none of the roles that are needed */
  async approve(who: Identity, name: string, reason?: string, more: CarryingOut = {}): Promise<Approval> {
    const decided = await this.#change(name, async (one, nowMs) => {
      await this.#checkWaits(one);
      const decisions = one.status?.decisions ?? [];
      const me = personOf(who);
      if (this.#isSame(one.spec.by, me)) throw forbidden(`${who.name} has asked for it: another person has to approve it`);
      if (decisions.some(({ by }) => this.#isSame(by, me))) throw forbidden(`${who.name} has approved it already: another person has to, too`);
      const open = one.spec.needs.filter((need) => !decisions.some((decision) => decision.role === need.role));
      const judged = await this.#judgedOf(one);
      const need = open.find((need) => this.#options.decides.holdsRole(who, need.role, judged));
      if (need === undefined)
        throw forbidden(`it takes the role ${open.map((need) => need.role).join(" or ")}, which ${who.name} does not have for it`);
      const all = [
        ...decisions,
        { verdict: "approved" as const, role: need.role, by: me, ...(reason !== undefined && { reason }), at: timestamp(nowMs) },
      ];
      if (open.length > 1) return { ...one.status, decisions: all, phase: "Waiting" as const };
      const generation = (await this.#presentOf(one))?.metadata.generation;
      return { ...one.status, decisions: all, phase: "Approved" as const, ...(generation !== undefined && { generation }) };
    });
    this.#tell(decided, "Normal", "Approved", `${who.name} approves${reason === undefined ? "" : `: ${reason}`}`);
    return decided.status?.phase === "Approved" && decided.spec.verb !== "call" ? await this.#carries.carryOut(decided, more) : decided;
  }

  /** @throws as `approve` */
  async refuse(who: Identity, name: string, reason?: string): Promise<Approval> {
    const decided = await this.#change(name, async (one, nowMs) => {
      await this.#checkWaits(one);
      const judged = await this.#judgedOf(one);
      if (!one.spec.needs.some((need) => this.#options.decides.holdsRole(who, need.role, judged)))
        throw forbidden(`it takes the role ${one.spec.needs.map((need) => need.role).join(" or ")}, which ${who.name} does not have for it`);
      if (this.#isSame(one.spec.by, personOf(who)))
        throw forbidden(`${who.name} has asked for it: take it back with: orrery approval withdraw ${name}`);
      const decision = { verdict: "refused" as const, by: personOf(who), ...(reason !== undefined && { reason }), at: timestamp(nowMs) };
      return { ...one.status, decisions: [...(one.status?.decisions ?? []), decision], phase: "Refused" as const };
    });
    await this.#forgetWish(name);
    this.#tell(decided, "Normal", "Refused", `${who.name} refuses${reason === undefined ? "" : `: ${reason}`}`);
    return decided;
  }

  /** Takes back what `who` has asked for.
   *  @throws as `approve` */
  async withdraw(who: Identity, name: string, reason?: string): Promise<Approval> {
    const decided = await this.#change(name, async (one, nowMs) => {
      if (!this.#isSame(one.spec.by, personOf(who)))
        throw forbidden(`${one.spec.by.name} has asked for it, and takes it back; others refuse it: orrery approval refuse ${name}`);
      if (one.status?.phase !== "Approved") await this.#checkWaits(one);
      return {
        ...one.status,
        phase: "Withdrawn" as const,
        withdrawn: { by: personOf(who), at: timestamp(nowMs), ...(reason !== undefined && { reason }) },
      };
    });
    await this.#forgetWish(name);
    return decided;
  }

  /** Marks what was done alone as looked at by another.
   *  @throws store/missing; access/decided; api/forbidden */
  async review(who: Identity, name: string, reason?: string): Promise<Approval> {
    return await this.#change(name, async (one, nowMs) => {
      if (one.status?.phase !== "BrokenGlass" || one.status.reviewed !== undefined) throw decidedAlready(one, "there is nothing to be looked at");
      if (this.#isSame(one.spec.by, personOf(who))) throw forbidden(`${who.name} did it: another person has to look at it`);
      const judged = await this.#judgedOf(one);
      if (!one.spec.needs.some((need) => this.#options.decides.holdsRole(who, need.role, judged)))
        throw forbidden(`it takes the role ${one.spec.needs.map((need) => need.role).join(" or ")}, which ${who.name} does not have for it`);
      return { ...one.status, reviewed: { by: personOf(who), at: timestamp(nowMs), ...(reason !== undefined && { reason }) } };
    });
  }

  /** Ends what was asked for in another history of the store: a backup was put back, and nobody asks for it now. Then carries out what was approved just before a centre ended. */
  async resume(): Promise<void> {
    const { store, history } = this.#options;
    for (const phase of ["Waiting", "Approved"])
      for (const { metadata } of (await store.list(approval, { fieldSelector: `status.phase=${phase}` })).items) {
        const { name } = metadata;
        const wish = await store.get(approvalWish, { name });
        if (history === undefined || wish === undefined || wish.spec.history === history) continue;
        const message = "what is stored was put back to an earlier state since it was asked for: ask again";
        const lapsed = await this.#change(name, async ({ status }) =>
          status?.phase === "Waiting" || status?.phase === "Approved" ? { ...status, phase: "Expired", message } : status,
        );
        await this.#forgetWish(name);
        this.#tell(lapsed, "Normal", "Expired", message);
      }
    await this.#carries.resume();
    await forgetOldWishes(store, this.#options.clock.now());
  }

  async #end(name: string, phase: "Done" | "Failed", message: string): Promise<Approval> {
    let isEnded = false;
    const ended = await this.#change(name, async ({ status }, nowMs) => {
      isEnded = status?.phase !== "Approved";
      return isEnded ? status : { ...status, phase, message, doneAt: timestamp(nowMs) };
    });
    if (!isEnded) this.#tell(ended, phase === "Done" ? "Normal" : "Warning", phase, message);
    return ended;
  }

  async #checkWaits(one: Approval): Promise<void> {
    if (one.status?.phase !== "Waiting") throw decidedAlready(one, "it no longer waits");
    const nowMs = this.#options.clock.now();
    if (isInTime(one, nowMs)) return;
    // It may be right again in a moment: nothing is written down by such a clock.
    if (Date.parse(one.spec.until) > nowMs)
      throw new OrreryError(
        "access/decided",
        `approval ${one.metadata.name} is of the future, by the clock of this machine, which was set back: set it right, or ask again`,
      );
    await this.#write(one, { ...one.status, phase: "Expired" });
    await this.#forgetWish(one.metadata.name);
    throw new OrreryError("access/decided", `approval ${one.metadata.name} has expired at ${one.spec.until}: ask again`);
  }

  /** Changes the status from what is there now, again if another came between. */
  async #change(name: string, next: (one: Approval, nowMs: number) => Promise<Approval["status"]>): Promise<Approval> {
    for (let attempt = 1; ; attempt++) {
      const one = await this.#options.store.get(approval, { name });
      if (one === undefined)
        throw new OrreryError("store/missing", `approvals.orrery.dev "${name.slice(0, 100)}" not found`, { details: { kind: "Approval", name } });
      try {
        return await this.#write(one, await next(one, this.#options.clock.now()));
      } catch (error) {
        if (attempt >= ATTEMPTS_MAX || !isOrreryError(error, "store/conflict")) throw error;
      }
    }
  }

  async #write(one: Approval, status: Approval["status"]): Promise<Approval> {
    const { name, resourceVersion } = one.metadata;
    return await this.#options.store.update(approval, { metadata: { name, resourceVersion }, spec: one.spec, status }, { subresource: "status" });
  }

  async #forgetWish(name: string): Promise<void> {
    await this.#options.store.delete(approvalWish, { name });
  }

  async #judgedOf(one: Approval): Promise<ReturnType<typeof judgedLabels>> {
    const present = await this.#presentOf(one);
    return judgedLabels(present ?? one, this.#options.findLabels);
  }

  /** The object that it is about, as it is now. */
  async #presentOf({ spec }: Approval): Promise<StoredObject | undefined> {
    const { store, kinds } = this.#options;
    const kind = kinds.find((one) => one.kind === spec.object.kind);
    return kind === undefined ? undefined : await store.get(kind, keyOf(spec.object));
  }

  #isSame(one: Person, other: Person): boolean {
    return isSamePerson(one, other, this.#options.findUser);
  }

  /** Whether a change decides who approves, or what, or who is whom: else one person would first change that, and approve what another account of theirs asks for. */
  async #changesApprovers(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): Promise<boolean> {
    const approvers = new Set(this.#options.rules().flatMap((rule) => rule.approvers));
    if (kind === site) {
      const named = (object: StoredObject | undefined): string => {
        const { fourEyes = [], login } = (object?.spec ?? {}) as { readonly fourEyes?: unknown; readonly login?: { readonly provider?: unknown } };
        // Whoever names the provider says who is in which group.
        return JSON.stringify([fourEyes, login?.provider]);
      };
      return named(before) !== named(after);
    }
    if (kind === role) return approvers.has((before ?? after)?.metadata.name ?? "");
    if (kind !== user) return false;
    const [former, next] = [before as User | undefined, after as User | undefined];
    if (next === undefined) return former !== undefined && (await this.#isOneOfSeveral(former));
    if (former !== undefined && whoIs(former) !== whoIs(next)) return true;
    const held = this.#options.decides.rolesOfUser(after as User).filter((name) => approvers.has(name));
    if (held.length === 0) return false;
    if (before === undefined) return true;
    const [was, is] = [before as User, after as User];
    const had = this.#options.decides.rolesOfUser(was);
    return (
      held.some((name) => !had.includes(name)) ||
      JSON.stringify([was.spec.roles, was.spec.groups]) !== JSON.stringify([is.spec.roles, is.spec.groups])
    );
  }

  /** Whether there is another account of the same person: removed and made again it would be a stranger. */
  async #isOneOfSeveral(one: User): Promise<boolean> {
    const me: Person = { name: one.metadata.name, uid: one.metadata.uid, via: "session" };
    return (await this.#options.store.list(user)).items.some(
      ({ metadata }) => metadata.uid !== one.metadata.uid && this.#isSame(me, { name: metadata.name, uid: metadata.uid, via: "session" }),
    );
  }

  #tell(object: Approval, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#options.store.emit({ kind: approval, object, type, reason, message: message.slice(0, 1_000), component: COMPONENT });
  }
}

/** By what two accounts are one person's. */
function whoIs({ spec }: User): string {
  return JSON.stringify([spec.person, spec.identities.map(({ issuer, subject }) => `${issuer} ${subject}`).sort()]);
}

/** A clock that was set back so far makes what was asked for before it be of the future: it would wait for longer than it may. */
const AHEAD_MS_MAX = 24 * 3_600_000;

function isInTime({ metadata, spec }: Approval, nowMs: number): boolean {
  return nowMs < Date.parse(spec.until) && Date.parse(metadata.creationTimestamp) - nowMs <= AHEAD_MS_MAX;
}

function forbidden(what: string): OrreryError {
  return new OrreryError("api/forbidden", `forbidden: ${what}`);
}

function decidedAlready({ metadata, status }: Approval, what: string): OrreryError {
  return new OrreryError("access/decided", `approval ${metadata.name} is ${status?.phase ?? "unknown"}: ${what}`);
}
