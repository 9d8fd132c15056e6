import { type Clock, describeError, isOrreryError, type Log, OrreryError } from "#/base/index.ts";
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
import type { Admit, ObjectInput, ObjectKey, Store } from "#/state/store/index.ts";
import { approvalWish } from "./approval-wish.ts";
import { type FindLabels, judgedLabels } from "./belonging.ts";
import type { Effect, Identity } from "./contract.ts";
import { type EffectContext, effects } from "./effects.ts";
import { type Asked, changesOf, type FourEyesRule, hashOf, needsOf, type Person, personOf, rulesFor } from "./four-eyes.ts";
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
}

/** What a request says beside what it asks for. */
export interface Asking {
  readonly isDryRun?: boolean;
  readonly reason?: string;
  /** Why one person does it alone. */
  readonly breakGlass?: string;
  readonly fieldManager?: string;
  /** Tells the person. */
  readonly warn?: (text: string) => void;
}

/** How what was approved is carried out. */
export interface CarryingOut {
  /** Gives the `admit` that is asked in the place of the one of the write: by it the audit is told, too. */
  readonly told?: (kind: Kind, admit: Admit) => Admit;
}

/** Four eyes: what the Site names waits until others approve it, and only that is carried out. It guards what a write does, whichever way it comes. */
export class Approvals {
  readonly #options: ApprovalsOptions;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
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
    const { namespace, name } = object.metadata;
    await this.#demand(who, { kind: kind.kind, namespace, name, before, after }, found, asking, this.#changesApprovers(kind, before, after));
  }

  /** The same of what is no write: a script that is run, a backup. What was approved may be done once, by who asked, within its time. */
  async guardCall(
    who: Identity,
    action: Action,
    { object, call }: { readonly object: StoredObject; readonly call: string },
    asking: Asking,
  ): Promise<void> {
    if (!this.guards(who)) return;
    const { kind, metadata } = object;
    const asked: Asked = { kind, namespace: metadata.namespace, name: metadata.name, before: object, after: undefined, call };
    const ticket = await this.#findOwn(who, hashOf(asked), "Approved");
    if (ticket !== undefined && asking.isDryRun !== true) {
      const nowMs = this.#options.clock.now();
      if (Date.parse(ticket.spec.until) > nowMs) {
        await this.#write(ticket, { ...ticket.status, phase: "Done", doneAt: timestamp(nowMs), message: "done by who asked" });
        return;
      }
    }
    await this.#demand(who, asked, [{ action, object }], asking, false);
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
      ...(asked.call !== undefined && { call: asked.call }),
      by: personOf(who),
      ...(asking.reason !== undefined && { reason: asking.reason.slice(0, 2_000) }),
      ...(asked.call === undefined && { changes: changesOf(before, after) }),
      hash: hashOf(asked),
      needs,
      until: timestamp(this.#options.clock.now() + withinMs),
    };
    if (asking.breakGlass !== undefined) return await this.#breakGlass(spec, asking.breakGlass);
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
    return items.find(({ spec }) => spec.hash === hash && Date.parse(spec.until) > nowMs && this.#isSame(spec.by, personOf(who)));
  }

  async #make(who: Identity, spec: Approval["spec"], { after }: Asked, { fieldManager }: Asking): Promise<Approval> {
    const { store, clock } = this.#options;
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
      ...(fieldManager !== undefined && { fieldManager }),
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
  async #breakGlass(spec: Approval["spec"], reason: string): Promise<void> {
    if (reason.trim() === "") throw new OrreryError("api/bad-request", "breaking the glass takes a reason: --break-glass REASON");
    const { store } = this.#options;
    const generateName = `glass-${spec.object.kind.toLowerCase()}-`;
    const made = await store.create(
      approval,
      { metadata: { generateName }, spec: { ...spec, reason: reason.slice(0, 2_000) }, status: { phase: "BrokenGlass" } },
      { subresource: "status" },
    );
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
      return { ...one.status, decisions: all, phase: open.length === 1 ? ("Approved" as const) : ("Waiting" as const) };
    });
    this.#tell(decided, "Normal", "Approved", `${who.name} approves${reason === undefined ? "" : `: ${reason}`}`);
    return decided.status?.phase === "Approved" && decided.spec.verb !== "call" ? await this.#carryOut(decided, more) : decided;
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

  /** Carries out what was approved just before a centre ended. */
  async resume(): Promise<void> {
    const { items } = await this.#options.store.list(approval, { fieldSelector: "status.phase=Approved" });
    for (const one of items) if (one.spec.verb !== "call") await this.#carryOut(one);
  }

  /** Writes exactly what was approved, or says why it can no longer be. */
  async #carryOut(one: Approval, { told = (_, admit) => admit }: CarryingOut = {}): Promise<Approval> {
    const { store, kinds, log } = this.#options;
    const { name } = one.metadata;
    const { spec } = one;
    try {
      const kind = kinds.find((each) => each.kind === spec.object.kind);
      const wish = await store.get(approvalWish, { name });
      if (kind === undefined || wish === undefined) throw new OrreryError("access/changed", "what was asked for is no longer known: ask again");
      const who: Identity = wish.spec.who as Identity;
      const admit: Admit = async (before, after) => {
        if (hashOf({ ...spec.object, before, after }) !== spec.hash)
          throw new OrreryError(
            "access/changed",
            `${spec.object.kind} ${spec.object.name} has changed since it was asked for: look at it, and ask again`,
          );
        await this.#options.checkChange(who, kind, before, after);
      };
      const author = AUTHORED[kind.kind];
      const options = {
        admit: told(kind, admit),
        ...(wish.spec.fieldManager !== undefined && { fieldManager: wish.spec.fieldManager }),
        ...(author !== undefined && { author: { user: spec.by.name, of: author } }),
      };
      const input = wish.spec.after === undefined ? undefined : inputOf(wish.spec.after as unknown as StoredObject, spec.verb === "create");
      if (spec.verb === "create" && input !== undefined) await store.create(kind, input, options);
      else if (spec.verb === "update" && input !== undefined) await store.update(kind, input, options);
      else if ((await store.delete(kind, keyOf(spec.object), options)) === undefined)
        throw new OrreryError("access/changed", `${spec.object.kind} ${spec.object.name} is gone`);
      return await this.#end(name, "Done", "carried out as it was approved");
    } catch (error) {
      if (!isOrreryError(error)) log.error("approvals: what was approved could not be carried out", { approval: name, error: describeError(error) });
      return await this.#end(name, "Failed", describeError(error).slice(0, 1_000));
    } finally {
      await this.#forgetWish(name);
    }
  }

  async #end(name: string, phase: "Done" | "Failed", message: string): Promise<Approval> {
    const ended = await this.#change(name, async (one, nowMs) => ({ ...one.status, phase, message, doneAt: timestamp(nowMs) }));
    this.#tell(ended, phase === "Done" ? "Normal" : "Warning", phase, message);
    return ended;
  }

  async #checkWaits(one: Approval): Promise<void> {
    if (one.status?.phase !== "Waiting") throw decidedAlready(one, "it no longer waits");
    if (Date.parse(one.spec.until) > this.#options.clock.now()) return;
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

  async #judgedOf({ spec }: Approval): Promise<ReturnType<typeof judgedLabels>> {
    const { store, kinds, findLabels } = this.#options;
    const kind = kinds.find((one) => one.kind === spec.object.kind);
    const present = kind === undefined ? undefined : await store.get(kind, keyOf(spec.object));
    return present === undefined ? [{}] : judgedLabels(present, findLabels);
  }

  /** Two accounts of one person are one person. */
  #isSame(one: Person, other: Person): boolean {
    if (one.via === "machine" || other.via === "machine") return one.via === other.via && one.name === other.name;
    if (one.uid !== undefined && one.uid === other.uid) return true;
    if (one.uid === undefined || other.uid === undefined) return one.name === other.name;
    const [a, b] = [this.#options.findUser(one.name), this.#options.findUser(other.name)];
    if (a?.metadata.uid !== one.uid || b?.metadata.uid !== other.uid) return false;
    if (a.spec.person !== undefined && a.spec.person === b.spec.person) return true;
    if (a.spec.person === b.metadata.name || b.spec.person === a.metadata.name) return true;
    return a.spec.identities.some((mine) => b.spec.identities.some((theirs) => mine.issuer === theirs.issuer && mine.subject === theirs.subject));
  }

  /** Whether a change decides who approves, or what: else one person would first change that. */
  #changesApprovers(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): boolean {
    const approvers = new Set(this.#options.rules().flatMap((rule) => rule.approvers));
    if (kind === site) {
      const named = (object: StoredObject | undefined): string =>
        JSON.stringify((object?.spec as { fourEyes?: unknown } | undefined)?.fourEyes ?? []);
      return named(before) !== named(after);
    }
    if (kind === role) return approvers.has((before ?? after)?.metadata.name ?? "");
    if (kind !== user || after === undefined) return false;
    const held = this.#options.decides.rolesOfUser(after as User).filter((name) => approvers.has(name));
    if (held.length === 0) return false;
    if (before === undefined) return true;
    const [was, is] = [before as User, after as User];
    const had = this.#options.decides.rolesOfUser(was);
    return (
      held.some((name) => !had.includes(name)) ||
      JSON.stringify([was.spec.roles, was.spec.groups, was.spec.person, was.spec.identities]) !==
        JSON.stringify([is.spec.roles, is.spec.groups, is.spec.person, is.spec.identities])
    );
  }

  #tell(object: Approval, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#options.store.emit({ kind: approval, object, type, reason, message: message.slice(0, 1_000), component: COMPONENT });
  }
}

const AUTHORED: Readonly<Record<string, "object" | "spec">> = { Update: "object", Microservice: "spec" };

/** The draft of an object as it was to be. */
function inputOf({ apiVersion, kind, metadata, spec }: StoredObject, isNew: boolean): ObjectInput {
  const { name, namespace, uid, labels, annotations, finalizers, ownerReferences } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(!isNew && { uid }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(finalizers !== undefined && { finalizers }),
      ...(ownerReferences !== undefined && { ownerReferences }),
    },
    spec,
  };
}

function keyOf({ name, namespace }: Approval["spec"]["object"]): ObjectKey {
  return { name, ...(namespace !== undefined && { namespace }) };
}

function forbidden(what: string): OrreryError {
  return new OrreryError("api/forbidden", `forbidden: ${what}`);
}

function decidedAlready({ metadata, status }: Approval, what: string): OrreryError {
  return new OrreryError("access/decided", `approval ${metadata.name} is ${status?.phase ?? "unknown"}: ${what}`);
}
