import { X509Certificate } from "node:crypto";
import type { PlatformWarning } from "#/face/cli/index.ts";
import { formatDuration, SITE_NAME } from "#/model/index.ts";
import type { AlarmFact, PlatformSight } from "#/watch/alarms/index.ts";

const DAY_MS = 86_400_000;
const SETTINGS = { delayMs: 0, clearDelayMs: 0 };

export interface PlatformSightOptions {
  /** By what they are for: PEM. */
  readonly certificates: Readonly<Record<string, string>>;
  readonly audit: () => { readonly isWritable: boolean; readonly alarms: readonly string[] };
  /** What is not as it should be with the processes and the disk of this data folder. */
  readonly warnings: () => readonly PlatformWarning[];
  readonly nowMs: () => number;
}

/** What the centre knows of itself that is not as it should be: certificates that end, its audit, the processes beside it, and the room for its data. */
export function platformSight({ certificates, audit, warnings, nowMs }: PlatformSightOptions): PlatformSight {
  const ends = Object.entries(certificates).map(([name, pem]) => ({ name, endsMs: Date.parse(new X509Certificate(pem).validTo) }));
  const resource = { kind: "Site", name: SITE_NAME };
  return {
    facts: () => [
      ...ends.map(({ name, endsMs }) => ofCertificate(name, endsMs, nowMs())),
      {
        resource,
        type: "audit",
        ...ofAudit(audit()),
        action: "orrery audit verify tells what is not whole; on a full disk make room, or: orrery audit export, then prune.",
        response: "30m",
        settings: SETTINGS,
      },
      ...warnings().flatMap(ofWarning),
    ],
  };
}

type Told = Pick<AlarmFact, "type" | "severity" | "action" | "response">;

/** By reasons of warnings. What somebody has wished, as an end, is no alarm. */
const WARNED: Readonly<Record<string, Told>> = {
  Paused: {
    type: "process-stopped",
    severity: "major",
    action: "kill -CONT with the number that is named, or end the debugger. What it did is not done meanwhile.",
    response: "15m",
  },
  SupervisorEnded: {
    type: "supervisor-ended",
    severity: "major",
    action: "orrery up, as before: it adopts what runs. Until then nothing that ends is started again.",
    response: "15m",
  },
  Ended: {
    type: "process-ended",
    severity: "warning",
    action: "Look at the end of its log in logs/ of the data folder: it was started again, and this is over after an hour.",
    response: "1d",
  },
  Faults: {
    type: "process-faults",
    severity: "warning",
    action: "Send the stacks in its log to who develops Orrery; what failed was one unit of work each.",
    response: "3d",
  },
  DiskLow: {
    type: "data-disk-low",
    severity: "major",
    action: "Make room on the disk of the data folder: old backups, logs and artifacts first.",
    response: "1h",
  },
  DiskFull: {
    type: "data-disk-low",
    severity: "critical",
    action: "Make room on the disk of the data folder now: what is to be stored may be refused.",
    response: "10m",
  },
};

function ofWarning({ object, reason, message }: PlatformWarning): readonly AlarmFact[] {
  const told = WARNED[reason];
  if (told === undefined) return [];
  const text = `${object}: ${message}`.slice(0, 1_000);
  return [{ resource: { kind: "Site", name: SITE_NAME }, qualifier: object, holds: true, text, settings: SETTINGS, ...told }];
}

/** The server's is made anew 30 days before its end at a start of the centre: one that is nearer has not been started for long. */
function ofCertificate(name: string, endsMs: number, nowMs: number): AlarmFact {
  const leftMs = endsMs - nowMs;
  const severity = leftMs < 3 * DAY_MS ? "critical" : leftMs < 10 * DAY_MS ? "major" : "warning";
  return {
    resource: { kind: "Site", name: SITE_NAME },
    type: "certificate-ending",
    qualifier: name,
    holds: leftMs < 25 * DAY_MS,
    severity,
    text: leftMs <= 0 ? `the certificate of ${name} has ended` : `the certificate of ${name} ends in ${formatDuration(leftMs)}`,
    action:
      "Start the centre again: the server's certificate is made anew at a start. That of the CA lasts ten years; for another one see docs/operating.md.",
    response: severity === "critical" ? "1h" : "3d",
    settings: SETTINGS,
  };
}

function ofAudit({ isWritable, alarms }: ReturnType<PlatformSightOptions["audit"]>): Pick<AlarmFact, "holds" | "severity" | "text"> {
  const text = alarms.join("; ").slice(0, 1_000);
  return {
    holds: !isWritable || alarms.length > 0,
    severity: isWritable ? "major" : "critical",
    text: isWritable ? text : `actions are refused, since they cannot be told to the audit: ${text}`,
  };
}
