import { alarmRule } from "#/model/index.ts";

type RuleSpec = (typeof alarmRule)["$spec"];

/** On the objects of rules that come with Orrery. */
export const BUILT_IN_LABEL = "orrery.dev/built-in";
/** Of a built-in rule these are the site's own; all else is as it comes. */
export const OWN_FIELDS = ["disabled", "severity", "delay", "clearDelay", "labels", "runbook"] as const;

const UNPLACED = ["Unplaced", "NoHost", "VolumeAway"];
const FAILED = ["RevisionFailed", "InstanceFailed", "RevisionRefused"];
const IN_LOOP = ["CrashLoop", "StartFailed", "WentToBackground", "StopFailed", "ProbeFailed", "RecordFailed"];
/** Waits that end by themselves, or by somebody's wish, are no alarm. */
const STUCK = [
  "InstancesNotReady",
  "TableNotAcknowledged",
  "TooFewReady",
  "TooManyOpenGenerations",
  "TooManyRevisions",
  "RevisionNotMade",
  "Interlocked",
  "InterlockUnknown",
  "BusyUnknown",
  "GatewayLost",
  "GatewaySilent",
  "FormerIncarnation",
  "CannotBegin",
  "Unplaced",
  "HostLost",
];

const RULES = {
  "host-lost": {
    of: { kind: "Host" },
    condition: { type: "Ready", status: ["Unknown", "False"], reasons: ["AgentLost"] },
    severity: "critical",
    suppresses: true,
    delay: "5s",
    text: "host {name} is lost: {message}",
    action:
      "See whether the machine runs and is reached: then its agent (orrery status there). What ran on it may still run; services with replicas elsewhere go on.",
    response: "5m",
  },
  "gateway-lost": {
    of: { kind: "Gateway" },
    condition: { type: "Ready", status: ["Unknown", "False"], reasons: ["NotConnected"] },
    severity: "critical",
    delay: "30s",
    text: "gateway {name} is not connected: {message}",
    action: "Start it again (orrery up on its host). If its machine is gone for good: orrery gateway forget {name}.",
    response: "5m",
  },
  "gateway-failing": {
    of: { kind: "Gateway" },
    condition: { type: "Ready", reasons: ["ListenFailed", "TableNotKept"] },
    severity: "critical",
    delay: "30s",
    action: "Free the port, or make room on the disk of its host; it tries again by itself.",
    response: "15m",
  },
  "service-not-serving": {
    of: { kind: "Microservice" },
    condition: { type: "Ready", reasons: [...IN_LOOP, "Crashed", "Unhealthy", "NotReady", "Failed", ...UNPLACED] },
    severity: "major",
    suppresses: true,
    delay: "2m",
    clearDelay: "30s",
    text: "service {name} lacks instances: {message}",
    action: "orrery logs {name}; orrery describe microservice {name}. If it began with an update: orrery update rollback.",
    response: "15m",
  },
  "service-host-lost": {
    of: { kind: "Microservice" },
    condition: { type: "Ready", status: ["Unknown"], reasons: ["HostLost"] },
    severity: "major",
    delay: "30s",
    text: "service {name}: {message}",
    action: "Look at the host first. More replicas on other hosts: orrery scale {name} N.",
    response: "15m",
  },
  "service-refused": {
    of: { kind: "Microservice" },
    condition: { type: "Ready", reasons: FAILED },
    severity: "major",
    delay: "30s",
    text: "service {name}: {message}",
    action: "Mend its manifest and apply it again; what is served goes on.",
    response: "1h",
  },
  "instance-crash-loop": {
    of: { kind: "Instance" },
    condition: { type: "Ready", reasons: IN_LOOP },
    severity: "major",
    delay: "1m",
    clearDelay: "2m",
    text: "{message}",
    action: "orrery logs {name} --previous: its last words. Mend the program or its settings; or go back: orrery update rollback.",
    response: "15m",
  },
  "update-stuck": {
    of: { kind: "Update" },
    waits: { reasons: STUCK },
    severity: "minor",
    delay: "15m",
    text: "update {name} waits: {message}",
    action: "orrery update show {name} tells what ends the wait; to give it up: orrery update abort {name}.",
    response: "1h",
  },
  "update-undecided": {
    of: { kind: "Update" },
    waits: { reasons: ["GateUndecided"] },
    severity: "minor",
    delay: "5m",
    text: "update {name} waits for a person: {message}",
    action: "Look at the figures (orrery update show {name}), then: orrery update promote {name}, or abort.",
    response: "30m",
  },
  "route-not-accepted": {
    of: { kind: "Route" },
    condition: { type: "Accepted", reasons: ["ServiceMissing", "PortMissing", "WrongProtocol", "NeverMatches"] },
    severity: "minor",
    delay: "2m",
    text: "route {name} leads nowhere: {message}",
    action: "Mend the route or what it names: orrery describe route {name}.",
    response: "1h",
  },
  "job-failed": {
    of: { kind: "Job" },
    condition: { type: "Ready", reasons: ["LastRunFailed"] },
    severity: "minor",
    text: "job {name}: {message}",
    action: "orrery job history {name}; orrery logs {name}; once more: orrery job run {name}.",
    response: "4h",
  },
  "job-unknown": {
    of: { kind: "Job" },
    condition: { type: "Ready", status: ["Unknown"], reasons: ["AgentLost"] },
    severity: "minor",
    delay: "5m",
    text: "job {name}: {message}",
    action: "Look at the host of the run first: whether it goes on is not known.",
    response: "1h",
  },
  "thing-stale": {
    of: { kind: "Resource" },
    condition: { type: "Ready", status: ["Unknown"], reasons: ["Stale", "AgentSilent"] },
    severity: "minor",
    delay: "1m",
    text: "{name} is not observed any more: {message}",
    action: "orrery logs {name}: what its probe says. Then look at the thing itself, and at the way to it.",
    response: "30m",
  },
  "channel-failing": {
    of: { kind: "AlarmChannel" },
    condition: { type: "Ready", reasons: ["DeliveryFailed"] },
    severity: "major",
    delay: "1m",
    text: "alarms are not told by channel {name}: {message}",
    action: "Mend what it names: the server, the address, the secret. All that waits is told in one message then.",
    response: "15m",
  },
  "rule-failing": {
    of: { kind: "AlarmRule" },
    condition: { type: "Evaluated" },
    severity: "minor",
    delay: "1m",
    text: "alarm rule {name} cannot be evaluated: {message}",
    action: "Mend the rule; until then its alarms stay as they are, and no new one comes.",
    response: "1h",
  },
  // A port goes down whenever somebody ends their machine: for those whom it tells something.
  "device-link-down": {
    trap: { raise: ["1.3.6.1.6.3.1.1.5.3"], clear: ["1.3.6.1.6.3.1.1.5.4"], key: ["1.3.6.1.2.1.2.2.1.1"] },
    severity: "minor",
    delay: "10s",
    disabled: true,
    text: "interface {key} of {name} is down: {values}",
    action: "Look at the cable and at the other end; orrery snmp traps linkDown tells what the device said.",
    response: "30m",
  },
  "done-alone": {
    of: { kind: "Site" },
    condition: { type: "BrokenGlass", status: ["True"] },
    severity: "warning",
    text: "{message}",
    action: "Look at what was done, then: orrery approval review NAME.",
    response: "8h",
  },
} as const;

/** Rules that every site has: quiet in a week with updates, backups and short cuts; each says what to do and within what time. */
export const SHIPPED_RULES: ReadonlyMap<string, RuleSpec> = new Map(
  Object.entries(RULES).map(([name, spec]) => [name, Object.freeze(alarmRule.spec.parse(spec) as RuleSpec)]),
);
