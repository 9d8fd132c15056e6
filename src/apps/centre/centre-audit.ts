import path from "node:path";
import { type Clock, counter, gauge, type Log, type MetricSource, OrreryError, type Random } from "#/base/index.ts";
import { type Approval, durationMs, type Kind, type Site, setCondition, site } from "#/model/index.ts";
import type { CarryingOut, Identity } from "#/people/access/index.ts";
import {
  type Actor,
  type AuditFacts,
  auditFolder,
  ensureSigningKey,
  type Keep,
  type OpenAudit,
  type OpenEntry,
  openAudit,
  parseSignedHead,
  type SignedHead,
  signingKeyFile,
  type Testimony,
} from "#/people/audit/index.ts";
import type { LoginEvent } from "#/people/login/index.ts";
import type { Hub, Peer } from "#/state/link/hub/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Admit, Store } from "#/state/store/index.ts";

const WITNESS_MS_MAX = 10_000;
/** How often it is looked whether somebody has to be told, and, each so many times, whether something is over. */
const LOOK_MS = 1_000;
const RETAIN_TURNS = 60;
/** Condition of the Site while its audit is not as it should be. */
const AUDITED = "Audited";

export interface CentreAuditOptions {
  /** The data folder. */
  readonly data: string;
  readonly hub: Hub;
  /** Has the Site, with the settings. */
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Name of this centre among those of the site: its host. */
  readonly centre: string;
  /** Of the site, told in the chain. */
  readonly identity: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The audit of a centre, with its settings and its witnesses. */
export class CentreAudit {
  readonly #options: CentreAuditOptions;
  readonly #sites: Reflector<typeof site>;
  #following: Promise<void> = Promise.resolve();
  #audit: OpenAudit | undefined;

  private constructor(options: CentreAuditOptions) {
    this.#options = options;
    this.#sites = new Reflector({ ...options, kind: site });
  }

  /** Opens it; call it before the API listens. Agents and gateways are shown each head that is signed, and the last one when they connect.
   *  @throws audit/unreadable, audit/no-key */
  static async open(options: CentreAuditOptions): Promise<CentreAudit> {
    const { data, hub, identity, version, clock, random, log, signal } = options;
    const centre = new CentreAudit(options);
    centre.#following = centre.#sites.run(signal);
    await centre.#sites.synced;
    centre.#audit = await openAudit({
      folder: auditFolder(data),
      key: ensureSigningKey(signingKeyFile(data)),
      facts: { site: identity, version, data: path.basename(data) },
      clock,
      random,
      log,
      bytesMax: () => centre.#settings?.bytes ?? Number.MAX_SAFE_INTEGER,
      onHead: (head) => {
        for (const peer of centre.#peers) void centre.#show(head, peer);
      },
    });
    centre.#lookAfter();
    hub.onConnect((peer) => {
      const { head } = centre.audit.state();
      if (head !== undefined) void centre.#show(head, peer);
    });
    return centre;
  }

  get audit(): OpenAudit {
    if (this.#audit === undefined) throw new OrreryError("audit/unreadable", "the audit is not open yet");
    return this.#audit;
  }

  /** From time to time, until the centre ends: removes what is over, and tells on the Site what a person must look after. */
  #lookAfter(): void {
    const { clock, signal } = this.#options;
    let turns = 0;
    const look = async (): Promise<void> => {
      if (signal.aborted) return;
      if (turns++ % RETAIN_TURNS === 0) await this.audit.retain(keepOf(this.#settings));
      await this.#tellSite();
    };
    const again = (): void => {
      if (!signal.aborted) clock.after(LOOK_MS, () => void look().finally(again), { background: true });
    };
    again();
  }

  /** The condition `Audited.CENTRE` of the Site, while something is amiss: each centre has a chain of its own, and says nothing of another's. Never throws: it is tried again. */
  async #tellSite(): Promise<void> {
    const { store, clock, log } = this.#options;
    try {
      const [one] = [...this.#sites.values()];
      if (one === undefined) return;
      const { isWritable, alarms } = this.audit.state();
      const former = one.status?.conditions ?? [];
      const own = `${AUDITED}.${this.#options.centre}`;
      const told = former.find(({ type }) => type === own);
      if (alarms.length === 0 && isWritable && told === undefined) return;
      const message = (alarms.length === 0 ? "nothing can be written" : alarms.join("; ")).slice(0, 2_000);
      const reason = isWritable ? "AuditAmiss" : "AuditUnwritable";
      // Figures in it go on: what is said is the same.
      if (alarms.length > 0 && told?.reason === reason && wordsOf(told.message) === wordsOf(message)) return;
      const others = former.filter(({ type }) => type !== own);
      const next = alarms.length === 0 && isWritable ? others : setCondition(former, { type: own, status: "False", reason, message }, clock.now());
      const { name, namespace, resourceVersion } = one.metadata;
      await store.patch(
        site,
        { name, ...(namespace !== undefined && { namespace }) },
        { type: "merge", body: { metadata: { resourceVersion }, status: { conditions: next } } },
        { subresource: "status" },
      );
    } catch (error) {
      log.debug("audit: its state could not be told on the Site", { error: String(error) });
    }
  }

  /** Writes what waits, and ends. */
  async close(): Promise<void> {
    await this.#following;
    await this.audit.close();
  }

  /** Actions that nobody does without saying why. */
  readonly reasonFor = (): readonly string[] => this.#settings?.reasonFor ?? [];

  /** Tells of a login and of what belongs to it.
   *  @throws audit/unwritable: it must not succeed */
  async recordLogin(event: LoginEvent): Promise<void> {
    const { action, user, by, from, credential, how, why, reason, count = 1 } = event;
    const facts: AuditFacts = {
      who: by === undefined ? { name: "system:anonymous", via: "anonymous" } : actorOf(by),
      action,
      object: { kind: "User", name: user },
      ...(from !== undefined && { from }),
      ...(reason !== undefined && { reason }),
      detail: {
        ...(credential !== undefined && { id: credential }),
        ...(how !== undefined && { how }),
        ...(why !== undefined && { why }),
        ...(count > 1 && { further: count }),
      },
    };
    if (action === "login-failed") return this.audit.record(facts, { code: 401 });
    const entry = await this.audit.begin(facts, { isUrgent: action !== "token-made" });
    entry.end({ code: 200 });
  }

  /** Tells what is carried out of an approval after its centre has ended, by who approved it last. */
  resuming({ metadata, spec, status }: Approval): CarryingOut {
    let entry: OpenEntry | undefined;
    const { name, uid, via } = status?.decisions?.at(-1)?.by ?? spec.by;
    const told = (kind: Kind, admit: Admit): Admit => {
      return async (before, after) => {
        await admit(before, after);
        const object = after ?? before;
        entry?.end({ code: 409, message: "somebody else wrote it meanwhile; tried again" });
        entry = await this.audit.begin(
          {
            who: { name, via, ...(uid !== undefined && { uid }) },
            action: spec.verb === "update" ? spec.actions.join("+") : spec.verb,
            object: {
              kind: kind.kind,
              ...(spec.object.namespace !== undefined && { namespace: spec.object.namespace }),
              name: spec.object.name,
              ...(object !== undefined && { uid: object.metadata.uid }),
            },
            before,
            after,
            detail: { approval: metadata.name, by: spec.by.name, resumed: true },
            ...(spec.reason !== undefined && { reason: spec.reason }),
          },
          { isUrgent: true },
        );
      };
    };
    return { told, ended: (outcome) => entry?.end(outcome) };
  }

  /** Heads that agents and gateways have kept, by who they are, asked of those that are connected now. */
  async witnesses(): Promise<readonly { readonly by: string; readonly heads: readonly SignedHead[] }[]> {
    const asked = this.#peers.map(async (peer) => {
      const answer = await peer.link.call("audit/heads", {}, { timeoutMs: WITNESS_MS_MAX }).catch(() => undefined);
      const { heads } = (answer ?? {}) as { readonly heads?: unknown };
      return { by: nameOf(peer), heads: Array.isArray(heads) ? heads.flatMap((one) => parseSignedHead(one) ?? []) : [] };
    });
    return await Promise.all(asked);
  }

  /** @throws why actions are refused now; for /readyz */
  check(): void {
    const { isWritable, alarms } = this.audit.state();
    if (!isWritable) throw new OrreryError("audit/unwritable", alarms.join("; "));
  }

  readonly metrics: MetricSource = () => {
    const { seq, bytes, isWritable, alarms, lost } = this.audit.state();
    return [
      gauge("orrery_audit_entries", "Sequence of the last entry of the audit.", seq),
      gauge("orrery_audit_bytes", "Bytes of all files of the audit.", bytes),
      gauge("orrery_audit_writable", "0 while actions are refused, as they cannot be written to the audit.", isWritable ? 1 : 0),
      gauge("orrery_audit_alarms", "What a person must look after in the audit: orrery audit verify.", alarms.length),
      counter("orrery_audit_lost_total", "Entries that could not be written to the audit.", lost),
    ];
  };

  get #settings(): Site["spec"]["audit"] | undefined {
    for (const { spec } of this.#sites.values()) return spec.audit;
    return undefined;
  }

  get #peers(): readonly Peer[] {
    return (["agent", "gateway"] as const).flatMap((component) => this.#options.hub.peers(component));
  }

  async #show(head: SignedHead, peer: Peer): Promise<void> {
    const by = nameOf(peer);
    try {
      const { state, had } = (await peer.link.call("audit/head", head, { timeoutMs: WITNESS_MS_MAX })) as Testimony;
      if (state === "kept") return;
      const [, seq = "?", , at = "?"] = (had?.note ?? "").split("\n");
      const text = `${by} ${CONTRADICTIONS[state] ?? "does not accept its head"} (entry ${seq}, signed ${at}); see: orrery audit verify`;
      this.audit.warn("chain.contradicted", text, { by, state: String(state), seq });
    } catch (error) {
      // A peer of an older version is no witness, and one that is gone will be shown the next head.
      this.#options.log.debug("audit: a head was not witnessed", { by, error: String(error) });
    }
  }
}

const CONTRADICTIONS: Readonly<Partial<Record<Testimony["state"], string>>> = {
  behind: "has seen more of the audit than is here: an earlier state of it was put back",
  differs: "has seen another entry at this place of the audit: it was written anew",
  other: "has seen another audit of this site: this one was begun anew",
};

function keepOf(settings: Site["spec"]["audit"] | undefined): Keep | undefined {
  const { keep } = settings ?? {};
  if (keep === undefined) return undefined;
  return {
    ...(keep.for !== undefined && { forMs: durationMs(keep.for) }),
    ...(keep.bytes !== undefined && { bytes: keep.bytes }),
    ...(keep.exportTo !== undefined && { exportTo: keep.exportTo }),
  };
}

function wordsOf(text: string): string {
  return text.replaceAll(/\d+/g, "#");
}

function actorOf({ name, uid, via, credential }: Identity): Actor {
  return { name, via, ...(uid !== undefined && { uid }), ...(credential !== undefined && { credential }) };
}

function nameOf({ hello }: Peer): string {
  return `${hello.component} ${hello.name} on ${hello.host}`;
}
