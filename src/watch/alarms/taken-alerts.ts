import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import { ALARM_SEVERITIES, type AlarmSeverity, isLabelKey, isLabelValue } from "#/model/index.ts";
import type { Sight } from "./book.ts";

/** Alerts that one request may bring. */
export const TAKEN_MAX = 2_000;
const TEXT_MAX = 1_000;

const text = z.string().max(20_000);
const alerts = z
  .array(
    z.looseObject({
      labels: z.record(z.string().max(300), text),
      annotations: z.record(z.string().max(300), text).default({}),
      startsAt: z.iso.datetime({ offset: true }).optional(),
      endsAt: z.iso.datetime({ offset: true }).optional(),
      generatorURL: z.string().max(5_000).optional(),
    }),
  )
  .max(TAKEN_MAX);

/** An alert of another Prometheus as a sight. `untilMs`: if it is not told again by then, nobody observes it any more. */
export interface TakenAlert {
  readonly sight: Sight;
  readonly untilMs: number | undefined;
}

/** Reads what Prometheus posts to an Alertmanager (API v2). One whose `endsAt` has passed is resolved; one whose time runs out untold later is unobserved, not resolved: the silence of a Prometheus is no good news.
 *  @throws alarms/bad-request */
export function readAlerts(body: unknown, nowMs: number): readonly TakenAlert[] {
  const parsed = alerts.safeParse(body ?? []);
  if (!parsed.success)
    throw new OrreryError(
      "alarms/bad-request",
      `not a list of alerts: ${parsed.error.issues
        .map(({ path, message }) => `${path.join(".")}: ${message}`)
        .slice(0, 5)
        .join("; ")}`,
    );
  return parsed.data.map(({ labels, annotations, startsAt, endsAt }) => {
    const { alertname = "", severity, ...others } = labels;
    if (alertname === "") throw new OrreryError("alarms/bad-request", "labels.alertname: missing");
    const endsMs = endsAt === undefined ? Number.NaN : Date.parse(endsAt);
    // Go's zero time is none.
    const hasEnd = endsMs > 0;
    const isResolved = hasEnd && endsMs <= nowMs;
    const sinceMs = startsAt === undefined ? undefined : Date.parse(startsAt);
    const summary = annotations["summary"] ?? annotations["message"] ?? annotations["description"] ?? alertname;
    const runbook = annotations["runbook_url"];
    const action = annotations["description"];
    const sight: Sight = {
      identity: { resource: resourceOf(others), type: alertname.slice(0, 200), qualifier: qualifierOf(others) },
      observation: {
        holds: !isResolved,
        severity: severityOf(severity),
        text: summary.slice(0, TEXT_MAX),
        ...(sinceMs !== undefined && { sinceMs }),
        ...(action !== undefined && action !== summary && { action: action.slice(0, TEXT_MAX) }),
        ...(runbook !== undefined && /^https?:\/\//.test(runbook) && { runbook: runbook.slice(0, TEXT_MAX) }),
      },
      settings: { delayMs: 0, clearDelayMs: 0 },
      labels: Object.fromEntries(Object.entries(others).filter(([key, value]) => isLabelKey(key) && isLabelValue(value) && value !== "")),
      seenMs: nowMs,
      suppresses: false,
    };
    return { sight, untilMs: hasEnd && !isResolved ? endsMs : undefined };
  });
}

/** Its labels that say what it is about, the most telling first. */
function resourceOf(labels: Readonly<Record<string, string>>): Sight["identity"]["resource"] {
  const name = labels["instance"] ?? labels["node"] ?? labels["host"] ?? labels["pod"] ?? labels["job"] ?? "prometheus";
  return { kind: "External", name: name === "" ? "prometheus" : name.slice(0, 500) };
}

function qualifierOf(labels: Readonly<Record<string, string>>): string {
  const written = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  return written.length <= 500 ? written : `${written.slice(0, 480)}#${hashOf(written)}`;
}

/** FNV-1a, 64 bits: enough to tell apart what is cut. */
function hashOf(written: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(written)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16);
}

const WORDS: Readonly<Record<string, AlarmSeverity>> = {
  page: "critical",
  error: "major",
  high: "major",
  medium: "minor",
  low: "warning",
  info: "warning",
  none: "warning",
};

function severityOf(word: string | undefined): AlarmSeverity {
  const lower = (word ?? "").toLowerCase();
  return ALARM_SEVERITIES.find((one) => one === lower) ?? WORDS[lower] ?? "warning";
}
