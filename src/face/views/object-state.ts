import type { Alarm, Condition, StoredObject } from "#/model/index.ts";
import type { ObjectState, Seen, Severity } from "./protocol.ts";

/** The conditions by which objects are judged, the first that is there. */
const JUDGED = ["Ready", "Accepted", "Settled", "Complete", "Evaluated", "Listening"] as const;

/** What a reason means where its condition does not hold. All others are major. */
const REASONS: Readonly<Record<string, Severity>> = {
  // On its way, by itself.
  Preparing: "changing",
  Distributing: "changing",
  Ramping: "changing",
  Starting: "changing",
  Pending: "changing",
  Stopping: "changing",
  Deleting: "changing",
  HandingOver: "changing",
  Running: "changing",
  Replacing: "changing",
  Retrying: "minor",
  Holding: "changing",
  RampRunning: "changing",
  InstancesNotReady: "changing",
  TableNotAcknowledged: "changing",
  OtherUpdateFirst: "changing",
  OlderGenerations: "changing",
  Withdrawing: "changing",
  Settling: "changing",
  MovingBack: "changing",
  Counting: "changing",
  // Wished so.
  Suspended: "off",
  Stopped: "off",
  Done: "normal",
  Paused: "off",
  NotProbed: "off",
  ProbeDisabled: "off",
  Superseded: "off",
  SwitchedOff: "off",
  // It is heard, and elsewhere than it was wished.
  PortTaken: "minor",
  PortNotAllowed: "minor",
  AddressNotThere: "major",
  // A person must act now.
  AgentLost: "critical",
  AuditUnwritable: "critical",
  AuditAmiss: "major",
  NotConnected: "critical",
  ListenFailed: "critical",
  TableNotKept: "critical",
  RecordFailed: "critical",
  NoHost: "critical",
  Unplaced: "critical",
  VolumeAway: "critical",
  HostLost: "critical",
};

/** What a reason means though its condition holds. All others are normal. */
const REASONS_WELL: Readonly<Record<string, Severity>> = {
  Updating: "changing",
  TableBehind: "changing",
  Draining: "changing",
};

const PHASES: Readonly<Record<string, Severity>> = {
  Active: "normal",
  Running: "normal",
  Complete: "normal",
  Succeeded: "normal",
  Closed: "off",
  Superseded: "off",
  Skipped: "off",
  Stopped: "off",
  Aborted: "minor",
  RolledBack: "minor",
  Backoff: "major",
  Failed: "major",
};

/** What was asked of others, by its phase. */
const ASKED: Readonly<Record<string, Severity>> = {
  Waiting: "changing",
  Approved: "changing",
  Done: "normal",
  Failed: "major",
  Refused: "off",
  Withdrawn: "off",
  Expired: "off",
  BrokenGlass: "major",
};

/** How an object is, by its own words. Of what nobody has said anything yet, the state is unknown, never normal; a kind that has no state has none. */
export function stateOf(object: StoredObject): ObjectState | undefined {
  const known = states.get(object);
  if (known !== undefined) return known === NONE ? undefined : known;
  const state = judge(object);
  states.set(object, state ?? NONE);
  return state;
}

const NONE: ObjectState = { severity: "unknown", word: "" };
const states = new WeakMap<object, ObjectState>();

/** Kinds whose objects are what is written in them. */
const STATELESS: ReadonlySet<string> = new Set(["Event", "Namespace", "Lease", "Revision", "Volume", "User", "Role", "Maintenance"]);
/** Condition of the Site while something that others had to approve was done by one person, and nobody else has looked at it. */
const DONE_ALONE = "BrokenGlass";
/** Conditions of the Site while the audit of a centre cannot be written, or is not what was written: one for each centre. */
const AUDITED = "Audited.";
/** A service of which nothing can be called is worse than one that lacks some. */
const NOTHING_READY = "NotServing";

interface AnyStatus {
  readonly conditions?: readonly Condition[];
  readonly phase?: string;
  readonly ready?: boolean;
  readonly unanswered?: boolean;
  readonly readyReplicas?: number;
  readonly since?: string;
}

function judge(object: StoredObject): ObjectState | undefined {
  const status = (object.status ?? {}) as AnyStatus;
  const condition = JUDGED.map((type) => status.conditions?.find((one) => one.type === type)).find((one) => one !== undefined);
  if (object.kind === "Alarm") return ofAlarm(object as Alarm);
  if (object.kind === "Instance" && status.phase === "Running" && status.unanswered === true) return told("minor", "Unanswered", condition);
  if (object.metadata.deletionTimestamp !== undefined) return { severity: "changing", word: "Deleting", since: object.metadata.deletionTimestamp };
  if (object.kind === "Approval" && status.phase !== undefined) return judgeApproval(object, status.phase);
  // Whatever else is well: somebody has to look at it.
  const loud = status.conditions?.find(
    ({ type, status: is }) => (type === DONE_ALONE && is === "True") || (object.kind === "Site" && type.startsWith(AUDITED) && is === "False"),
  );
  if (loud !== undefined) return told(REASONS[loud.reason] ?? "major", loud.reason, loud);
  if (condition === undefined) {
    if (status.phase !== undefined)
      return { severity: PHASES[status.phase] ?? "changing", word: status.phase, ...(status.since !== undefined && { since: status.since }) };
    return STATELESS.has(object.kind) ? undefined : { severity: "unknown", word: "Unknown" };
  }
  if (condition.status === "True") {
    const aside = status.conditions?.find(isAmiss);
    if (aside !== undefined && WARNED.has(object.kind)) return told("minor", aside.reason, aside);
    // It has held for longer: what is told is since when it holds for this reason.
    const { reasonTime: lastTransitionTime = condition.lastTransitionTime } = condition;
    return told(REASONS_WELL[condition.reason] ?? "normal", condition.reason, { ...condition, lastTransitionTime });
  }
  const severity = REASONS[condition.reason] ?? (condition.status === "Unknown" ? "unknown" : "major");
  const isService = object.kind === "Microservice" && severity === "major" && (status.readyReplicas ?? 0) === 0;
  if (isService) return told("critical", condition.reason === "NotReady" ? NOTHING_READY : condition.reason, condition);
  return told(severity, condition.reason, condition);
}

/** What one person did alone stays amiss until another has looked at it. */
function judgeApproval({ status, metadata }: StoredObject, phase: string): ObjectState {
  const { reviewed, message, doneAt } = status as {
    readonly reviewed?: { readonly at: string };
    readonly message?: string;
    readonly doneAt?: string;
  };
  if (phase === "BrokenGlass" && reviewed !== undefined) return { severity: "off", word: "Reviewed", since: reviewed.at };
  return { severity: ASKED[phase] ?? "unknown", word: phase, since: doneAt ?? metadata.creationTimestamp, ...(message !== undefined && { message }) };
}

/** Kinds of which other conditions than the judged one say what is not as it should be, though all works. */
const WARNED: ReadonlySet<string> = new Set(["Site", "Host", "Microservice", "Instance", "Resource", "Gateway", "Route"]);
/** All others are well when they are True. */
const WELL_WHEN_FALSE: ReadonlySet<string> = new Set(["Diverged"]);

function isAmiss({ type, status }: Condition): boolean {
  return !JUDGED.some((one) => one === type) && status === (WELL_WHEN_FALSE.has(type) ? "True" : "False");
}

function told(severity: Severity, word: string, condition: Condition | undefined): ObjectState {
  if (condition === undefined) return { severity, word };
  return { severity, word, since: condition.lastTransitionTime, message: condition.message };
}

/** When the object's state was seen last, and by whom, as far as its status says so. */
export function seenOf(object: StoredObject): Seen | undefined {
  if (object.kind === "Event") return seenEvent(object as object as SomeEvent);
  const { metadata, status } = object;
  const { observedAt, observedBy, conditions } = (status ?? {}) as {
    readonly observedAt?: string;
    readonly observedBy?: string;
    readonly conditions?: readonly Condition[];
  };
  const written = metadata.managedFields?.findLast((one) => one.subresource === "status" && one.time !== undefined);
  const changed = conditions?.map((one) => one.lastTransitionTime).sort();
  const at = observedAt ?? written?.time ?? changed?.at(-1);
  if (at === undefined) return undefined;
  const by = observedBy ?? written?.manager;
  return { at, ...(by !== undefined && { by }) };
}

/** An Event of either group. */
interface SomeEvent {
  readonly lastTimestamp?: string | null;
  readonly deprecatedLastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly source?: { readonly component?: string };
  readonly deprecatedSource?: { readonly component?: string };
  readonly reportingController?: string;
  readonly metadata: { readonly creationTimestamp: string };
}

function seenEvent(event: SomeEvent): Seen {
  const at = event.lastTimestamp ?? event.deprecatedLastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
  const by = event.source?.component ?? event.deprecatedSource?.component ?? event.reportingController;
  return { at, ...(by !== undefined && by !== "" && { by }) };
}

/** Of an alarm that nobody need look at now, that it is off; what is cleared and waits to be acknowledged is normal again. */
function ofAlarm({ status }: Alarm): ObjectState {
  const { stands = "Pending", severity = "warning", raisedAt, text } = status ?? {};
  if (status === undefined) return { severity: "unknown", word: "Unknown" };
  const isRaised = stands === "Unacknowledged" || stands === "Acknowledged";
  const shown = isRaised ? (severity === "warning" ? "minor" : severity) : stands === "Cleared" ? "normal" : "off";
  return { severity: shown, word: stands, ...(raisedAt !== undefined && { since: raisedAt }), ...(text !== undefined && { message: text }) };
}
