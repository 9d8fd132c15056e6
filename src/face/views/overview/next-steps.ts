import type { StoredObject } from "#/model/index.ts";
import type { Saying } from "../protocol.ts";

/** What a person can do about a reason, the best first. Its words are the console's: under `next.CODE`. */
export function nextSteps(object: StoredObject, reason: string): readonly Saying[] {
  const { kind, metadata } = object;
  const {
    service,
    host,
    resource: observed,
  } = (object.spec ?? {}) as { readonly service?: string; readonly host?: string; readonly resource?: string };
  const args = {
    kind,
    name: metadata.name,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    ...(service !== undefined && { service }),
    ...(host !== undefined && { host }),
    ...(observed !== undefined && { resource: observed }),
  };
  const codes = STEPS[reason] ?? (LOGGED.has(kind) ? ["read-log", "describe"] : ["describe"]);
  return codes.map((code) => ({ code, args }));
}

/** Kinds whose log tells more than their status. */
const LOGGED: ReadonlySet<string> = new Set(["Microservice", "Instance", "Job", "JobRun"]);

const STEPS: Readonly<Record<string, readonly string[]>> = {
  CrashLoop: ["read-log", "change-template", "roll-back"],
  Crashed: ["read-log"],
  Unhealthy: ["read-log", "check-health-check"],
  NotReady: ["read-log", "check-health-check"],
  Unanswered: ["read-log", "check-load"],
  StartFailed: ["read-message", "change-template"],
  StopFailed: ["read-message", "look-at-host"],
  RecordFailed: ["free-disk"],
  RevisionFailed: ["mend-files"],
  RevisionRefused: ["update-again", "stay-with-served"],
  RevisionsRefused: ["update-again", "stay-with-served"],
  InstanceFailed: ["change-template"],
  Unplaced: ["look-at-hosts", "uncordon-host"],
  NoHost: ["look-at-hosts", "uncordon-host"],
  VolumeAway: ["bring-host-back", "uncordon-host"],
  HostLost: ["bring-agent-back", "look-at-host"],
  AgentLost: ["bring-agent-back", "look-at-host"],
  AgentSilent: ["bring-agent-back", "look-at-host"],
  Silent: ["look-at-process", "look-at-host"],
  NotConnected: ["read-gateway-log", "forget-gateway"],
  ListenFailed: ["free-port"],
  TableNotKept: ["free-disk"],
  GatewayLost: ["bring-gateway-back", "forget-gateway"],
  GatewaySilent: ["read-gateway-log"],
  GateUndecided: ["promote-or-abort"],
  TooFewReady: ["bring-gateway-back"],
  Paused: ["continue-update"],
  Unreviewed: ["review-alone"],
  AuditAmiss: ["verify-audit"],
  AuditUnwritable: ["free-disk", "verify-audit"],
  ServiceMissing: ["change-route", "apply-service"],
  PortMissing: ["change-route"],
  WrongProtocol: ["change-route"],
  NeverMatches: ["change-route"],
  Stale: ["read-probe-log", "look-at-thing"],
  NotYetObserved: ["read-probe-log", "look-at-thing"],
  ProbeNotRunnable: ["change-probe"],
  ProbeFailed: ["read-message", "change-probe"],
  LastRunFailed: ["read-log", "run-job-again"],
  NoMoreTimes: ["change-schedule"],
  Failed: ["read-log"],
  TimedOut: ["read-log"],
};
