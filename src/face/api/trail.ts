import { isOrreryError, OrreryError } from "#/base/index.ts";
import { type Kind, lease, type StoredObject } from "#/model/index.ts";
import { effects, type Identity, type Wish } from "#/people/access/index.ts";
import type { Audit, AuditFacts, OpenEntry, Outcome, SignedHead } from "#/people/audit/index.ts";
import type { Admit, Cause } from "#/state/store/index.ts";
import { badRequest, type Subject } from "./status.ts";

const REASON_HEADER = "orrery-reason";
/** For tools that send no fields of their own: why the object is changed, written into it by the same change. */
export const REASON_ANNOTATION = "orrery.dev/reason";
const REASON_CHARACTERS_MAX = 1_000;
/** Kinds by which programs of others coordinate and record, several times a minute: their writes are routine. Refusals are not, nor are deletions. */
const ROUTINE_KINDS: readonly string[] = [lease.kind, "Event"];
const COMPONENTS: readonly string[] = ["orrery:agents", "orrery:gateways"];

/** Why something is done: by the field `Orrery-Reason` of the request, percent-encoded.
 *  @throws api/bad-request */
function reasonOf({ request }: Asked): string | undefined {
  const given = headerOf(request, REASON_HEADER).trim();
  if (given === "") return undefined;
  let text: string;
  try {
    text = decodeURIComponent(given);
  } catch {
    throw badRequest("Orrery-Reason: give UTF-8, percent-encoded");
  }
  if (text.length > REASON_CHARACTERS_MAX) throw badRequest(`Orrery-Reason: at most ${REASON_CHARACTERS_MAX} characters`);
  return text;
}

/** @throws audit/no-reason */
function checkSaysWhy(action: string, does: readonly string[], reasonFor: TrailOptions["reasonFor"]): void {
  const demanded = reasonFor?.() ?? [];
  if (demanded.some((one) => does.includes(one)))
    throw new OrreryError(
      "audit/no-reason",
      `${action}: say why; this site demands a reason for it (spec.audit.reasonFor): orrery … --reason TEXT, the field Orrery-Reason of the request, or the annotation ${REASON_ANNOTATION} in the object`,
    );
}

/** A request, as far as the audit tells of it: an `Exchange` is one. */
export interface Asked {
  readonly request: {
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  };
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly user: Identity;
  readonly address: string | undefined;
}

/** What it asks for: a `Route` is one. */
export interface Aim {
  readonly wish: Wish;
  readonly subject: Subject;
}

export interface TrailOptions {
  readonly audit: Audit;
  /** Actions that nobody does without saying why. */
  readonly reasonFor?: () => readonly string[];
  /** Heads that others have kept. */
  readonly witnesses?: () => Promise<readonly { readonly by: string; readonly heads: readonly SignedHead[] }[]>;
}

interface Begun {
  readonly of: string;
  readonly entry: OpenEntry;
}

/** What the audit is told of one request: the intent before it acts, the outcome after it; of what was refused or came to nothing, that alone. Agents and gateways are told of only where they are refused. */
export class Trail {
  readonly #options: TrailOptions | undefined;
  readonly #find: () => Asked;
  #route: Aim | undefined;
  #begun: Begun[] = [];
  #isHeld = false;
  #name: string | undefined;

  /** `find`: of which exchange, once it is asked. Without options nobody is told. */
  constructor(options: TrailOptions | undefined, find: () => Asked) {
    this.#options = options;
    this.#find = find;
  }

  get #exchange(): Asked {
    return this.#find();
  }

  follow(route: Aim): void {
    this.#route = route;
  }

  /** What is to be created has this name, which its path does not have. One that is no name is not kept: it may be anything. */
  called(name: unknown): void {
    if (typeof name === "string" && name.length <= 253 && NAME.test(name)) this.#name = name;
  }

  /** `options` of a write, such that its intent is on disk before it is carried out. */
  intending<O extends { readonly dryRun?: boolean; readonly admit?: Admit }>(kind: Kind, options: O): O {
    if (options.dryRun === true || !this.#isAudited || ROUTINE_KINDS.includes(kind.kind)) return options;
    const admit: Admit = async (before, after) => {
      await options.admit?.(before, after);
      await this.#admitted(kind, before, after);
    };
    return { ...options, admit };
  }

  /** Tells what is about to be done that is no write to the store; resolves when that is on disk.
   *  @throws audit/unwritable, audit/busy, audit/no-reason: it must not be done */
  async begin(
    action: string,
    more: Pick<AuditFacts, "detail" | "object" | "before" | "after" | "reason"> & { readonly isUrgent?: boolean } = {},
  ): Promise<void> {
    const { isUrgent = false, ...facts } = more;
    if (this.#isAudited) await this.#begin(action, { ...this.#facts(action), ...facts }, { isUrgent, of: action, does: [] });
  }

  /** Why `action` is done, of what tells the audit by itself.
   *  @throws audit/no-reason, api/bad-request */
  whyOf(action: string): string | undefined {
    const reason = reasonOf(this.#exchange);
    if (reason === undefined) checkSaysWhy(action, [action], this.#options?.reasonFor);
    return reason;
  }

  /** From here on the outcome is told by whoever calls what this returns, or, where nothing was begun, by somebody else. */
  hold(): (outcome: Outcome) => void {
    this.#isHeld = true;
    return (outcome) => {
      for (const { entry } of this.#begun) entry.end(outcome);
    };
  }

  /** Tells what came of the change that was begun last, where the answer to the request does not: of what an approval carries out. */
  endLast(outcome: Outcome): void {
    if (this.#begun.length > 1) this.#begun.at(-1)?.entry.end(outcome);
  }

  /** What was begun so far has come to this, whatever comes of the rest. */
  settle(outcome: Outcome): void {
    for (const { entry } of this.#begun) entry.end(outcome);
    this.#begun = [];
  }

  /** The request was answered with `code`. */
  done(code: number): void {
    if (this.#isHeld || this.#options === undefined) return;
    for (const { entry } of this.#begun) entry.end({ code });
    if (this.#begun.length === 0 && this.#isWrite && this.#isAudited && !this.#isDryRun && !this.#isRoutine)
      this.#options.audit.record({ ...this.#facts(this.#action), ...this.#given() }, { code, message: "nothing was changed" });
  }

  /** It was refused with `code`, for `error`. */
  failed(code: number, error: unknown): void {
    if (this.#options === undefined) return;
    const outcome = { code, message: messageOf(error) };
    for (const { entry } of this.#begun) entry.end(outcome);
    if (this.#begun.length > 0 || this.#isHeld || (isOrreryError(error) && error.code.startsWith("audit/"))) return;
    const isRefused = code === 401 || code === 403;
    if (!isRefused && (!this.#isWrite || !this.#isAudited || this.#isDryRun || this.#isRoutine)) return;
    this.#options.audit.record(this.#facts(code === 401 ? "authenticate" : this.#action), outcome);
  }

  async #admitted(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): Promise<void> {
    const object = after ?? before;
    if (object === undefined) return;
    const { namespace, name, uid } = object.metadata;
    const does = effects(kind, before, after)
      .map((effect) => effect.action)
      .filter((one) => one !== "edit" && one !== "status");
    const action =
      before !== undefined && after !== undefined && does.length > 0 ? does.join("+") : this.#action.replace("deletecollection", "delete");
    const reason = object.metadata.annotations?.[REASON_ANNOTATION];
    const isNew = reason !== undefined && reason !== before?.metadata.annotations?.[REASON_ANNOTATION];
    const facts: AuditFacts = {
      ...this.#facts(action),
      object: { kind: kind.kind, ...(namespace !== undefined && { namespace }), name, uid },
      before,
      after,
      ...(isNew && { reason: reason.slice(0, REASON_CHARACTERS_MAX) }),
    };
    const of = `${kind.kind}/${namespace ?? ""}/${name}`;
    // Somebody else wrote in between: what was intended is not what will be written.
    for (const former of this.#begun) if (former.of === of) former.entry.end({ code: 409, message: "somebody else wrote it meanwhile; tried again" });
    await this.#begin(action, facts, { isUrgent: isEnding(kind, before, after), of, does });
  }

  async #begin(
    action: string,
    given: AuditFacts,
    how: { readonly isUrgent: boolean; readonly of: string; readonly does: readonly string[] },
  ): Promise<void> {
    if (this.#options === undefined) return;
    const { audit, reasonFor } = this.#options;
    const reason = reasonOf(this.#exchange) ?? given.reason;
    if (reason === undefined) checkSaysWhy(action, [action, this.#action, ...how.does], reasonFor);
    const entry = await audit.begin({ ...given, ...(reason !== undefined && { reason }) }, { isUrgent: how.isUrgent });
    this.#begun.push({ of: how.of, entry });
  }

  #facts(action: string): AuditFacts {
    const { user, request, address: from } = this.#exchange;
    const { name, uid, via, credential } = user;
    const trace = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(headerOf(request, "traceparent"))?.[1];
    const wish = this.#route?.wish;
    const kind = this.#route?.subject.kind;
    const object =
      wish !== undefined && "resource" in wish && kind !== undefined
        ? { kind, ...(wish.namespace !== undefined && { namespace: wish.namespace }), name: wish.name ?? this.#name ?? "" }
        : undefined;
    return {
      who: { name, via, ...(uid !== undefined && { uid }), ...(credential !== undefined && { credential }) },
      ...(from !== undefined && { from }),
      action,
      ...(object !== undefined && { object }),
      ...(object === undefined && { detail: { method: this.#exchange.method, path: `/${this.#exchange.path.join("/")}`.slice(0, 200) } }),
      ...(trace !== undefined && { trace }),
    };
  }

  /** The reason that was given, readable or not. */
  #given(): Pick<AuditFacts, "reason"> {
    try {
      const reason = reasonOf(this.#exchange);
      return reason === undefined ? {} : { reason };
    } catch {
      return {};
    }
  }

  get #action(): string {
    const wish = this.#route?.wish;
    if (wish === undefined) return "request";
    if ("path" in wish) return wish.path.split("/")[1] || "request";
    if (wish.subresource === undefined) return wish.verb;
    return ACTION_OF_PART[wish.subresource] ?? wish.verb;
  }

  get #isAudited(): boolean {
    return this.#options !== undefined && !this.#exchange.user.groups.some((group) => COMPONENTS.includes(group));
  }

  get #isWrite(): boolean {
    const { method } = this.#exchange;
    return method !== "GET" && method !== "HEAD" && this.#route?.subject.verb !== "review";
  }

  get #isDryRun(): boolean {
    return this.#exchange.query.has("dryRun");
  }

  get #isRoutine(): boolean {
    const { kind, verb = "" } = this.#route?.subject ?? {};
    return kind !== undefined && ROUTINE_KINDS.includes(kind) && !verb.startsWith("delete");
  }
}

function headerOf({ headers }: Asked["request"], name: string): string {
  const value = headers[name] ?? "";
  return typeof value === "string" ? value : value.join(",");
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

const ACTION_OF_PART: Readonly<Record<string, string>> = { scale: "scale", exec: "exec", scripts: "run-script", secrets: "see-secrets" };

/** True for what must be possible on a full disk: it ends or removes something, or mends the settings of the audit itself. */
function isEnding(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): boolean {
  if (after === undefined || after.metadata.deletionTimestamp !== undefined || kind.kind === "Site") return true;
  const [one, other] = [before?.spec, after.spec] as { readonly suspended?: unknown; readonly disabled?: unknown; readonly replicas?: unknown }[];
  if (one === undefined || other === undefined) return false;
  if ((other.suspended === true && one.suspended !== true) || (other.disabled === true && one.disabled !== true)) return true;
  return typeof one.replicas === "number" && typeof other.replicas === "number" && other.replicas < one.replicas;
}

/** Why something was refused: its code, and the fields that it was about. Never what stands in them: that may be a secret, and the audit is kept. */
function messageOf(error: unknown): string {
  if (!isOrreryError(error)) return "unexpected";
  if (error.code === "api/unauthorized" || error.code === "api/forbidden") return error.message;
  const { causes } = error.details;
  const fields = Array.isArray(causes)
    ? (causes as readonly Cause[])
        .filter(({ field, message }) => field !== "" && !message.startsWith("unknown field"))
        .map(({ field }) => field.replaceAll(/\["(?:[^"\\]|\\.)*"\]/g, "[…]"))
    : [];
  return [error.code, ...new Set(fields.slice(0, 5))].join(" ");
}
