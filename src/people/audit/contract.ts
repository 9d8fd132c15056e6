/** The audit: what people and outside tokens did, in a chain of entries that nobody changes quietly. One chain for each centre, in files of its own, never in the tree. */

/** Who did it. Fits an `Identity`. */
export interface Actor {
  /** Never empty; who has not said who he is, is `system:anonymous`. */
  readonly name: string;
  readonly uid?: string;
  readonly via: "machine" | "token" | "session" | "anonymous";
  /** Id of the session or token; never its secret. */
  readonly credential?: string;
}

export interface AuditObject {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** The fields that differ, by path (`spec.template.version`), without secrets. A field that was not there is left out. */
export interface AuditChange {
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
}

/** How it ended: the code of the API's answer; 0 where nobody knows. */
export interface Outcome {
  readonly code: number;
  /** Such as `store/conflict spec.replicas`: codes and fields, never what stands in them. */
  readonly message?: string;
}

/** What is told of an action. Whatever stands in it is redacted before it is kept. */
export interface AuditFacts {
  readonly who: Actor;
  /** Address of the client. */
  readonly from?: string;
  /** `update`, `scale`, `run-script`, `login`, …; a verb where nothing better is known. */
  readonly action: string;
  readonly object?: AuditObject;
  /** The object as it was and as it will be, whole: the audit finds what differs. */
  readonly before?: unknown;
  readonly after?: unknown;
  /** Further facts, each a word or a number: the name of a script, how many. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
  /** Why, in the words of who did it. */
  readonly reason?: string;
  /** The trace id of the request. */
  readonly trace?: string;
}

/** As it is kept: an action that was begun (`intent`), what came of it (`outcome`, of the intent `of`), something that has happened (`record`), or what the audit says of itself (`chain`). */
export interface AuditEntry {
  /** 1, 2, 3, … without a gap. */
  readonly seq: number;
  /** UTC, with milliseconds, by the machine's clock. */
  readonly at: string;
  readonly is: "intent" | "outcome" | "record" | "chain";
  readonly who?: Actor;
  readonly from?: string;
  readonly action?: string;
  readonly object?: AuditObject;
  readonly change?: AuditChange;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
  readonly reason?: string;
  readonly trace?: string;
  readonly outcome?: Outcome;
  /** Of an outcome: the sequence of its intent. */
  readonly of?: number;
}

/** An action whose intent is on disk. */
export interface OpenEntry {
  readonly seq: number;
  /** Tells what came of it; the first call counts. Never throws: an outcome that cannot be written is counted, and the intent stays without one. */
  end(outcome: Outcome): void;
}

export interface BeginOptions {
  /** True for what must be possible on a full disk, and at the audit's limit: logging in and out, ending, cleaning up, and the settings of the audit itself. */
  readonly isUrgent?: boolean;
}

/** Where actions are told. */
export interface Audit {
  /** Resolves when the intent is on disk: only then may the action be done.
   *  @throws audit/unwritable: it cannot be written; the action is to be refused
   *  @throws audit/busy (backoff): too many wait to be written */
  begin(facts: AuditFacts, options?: BeginOptions): Promise<OpenEntry>;
  /** Keeps what has happened already: a refusal, a failed login. Never throws and is not waited for: what cannot be written is counted, and told when it can. Of many alike (same action, object, client, outcome) the first few of a minute are kept, the others counted. */
  record(facts: AuditFacts, outcome: Outcome): void;
  /** Newest first. Looks through a bounded part of the chain: `continue` leads on also where nothing was found. */
  list(query: AuditQuery): Promise<AuditPage>;
  /** How the audit is. */
  state(): AuditState;
  /** The whole chain as one file, signed to its end; `readExport` reads it. */
  export(): AsyncIterable<Buffer>;
  /** Removes closed files up to entry `to`, as far as whole files go, and tells it in the chain. `hash` is that of entry `to`, which only who has exported it knows. Returns up to which entry was removed; `undefined`: no file is closed and wholly before it.
   *  @throws audit/not-exported: the hash is another one */
  prune(who: Actor, up: { readonly to: number; readonly hash: string }): Promise<number | undefined>;
}

/** All that is given must hold. */
export interface AuditQuery {
  /** Name of who did it. */
  readonly user?: string;
  readonly action?: string;
  /** `Microservice/auth`, a kind or a name alone. */
  readonly object?: string;
  /** ISO time. */
  readonly since?: string;
  readonly until?: string;
  /** Stands anywhere in the entry, in any case. */
  readonly text?: string;
  /** Entries before this sequence: the `continue` of a page. */
  readonly before?: number;
  /** Entries after this sequence. */
  readonly after?: number;
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
  /** Which entries the reader may see; default all. */
  readonly isVisible?: (entry: AuditEntry) => boolean;
}

/** A place of the chain where something was changed, removed, moved or put in. */
export interface AuditProblem {
  readonly seq: number;
  readonly message: string;
}

export interface AuditPage {
  /** Intents with their outcome in one, where it is known. */
  readonly items: readonly AuditEntry[];
  /** Where the chain, as far as this page looked through it, is not what was written; newest first, whatever was asked for: what stood there is not known. `verify` looks further: at signed heads and witnesses. */
  readonly problems: readonly AuditProblem[];
  /** `before` of the next page; absent: that was all. */
  readonly continue?: number;
}

/** The last state of the chain that was signed: a C2SP signed note, and the key (`name+id+key`) that it can be checked with. */
export interface SignedHead {
  readonly note: string;
  readonly key: string;
}

export interface AuditState {
  /** Sequence of the last entry that is on disk. */
  readonly seq: number;
  readonly head: SignedHead | undefined;
  /** Of all files. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** What a person must look after: why nothing can be written, that a file was removed, that the limit is near. */
  readonly alarms: readonly string[];
  /** False: actions are refused, except urgent ones. */
  readonly isWritable: boolean;
  /** Entries that could not be written since the start. */
  readonly lost: number;
}
