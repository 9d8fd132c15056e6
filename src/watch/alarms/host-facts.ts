import { formatDuration } from "#/model/index.ts";
import type { AlarmFact } from "./contract.ts";

/** As far as it is read of what an agent reports. */
export interface HostReport {
  readonly disks?: readonly { readonly mount: string; readonly totalBytes: number; readonly availableBytes: number }[];
  /** How far the host's clock is ahead of the centre's. */
  readonly clockAheadMs?: number;
}

/** Filling is measured over so long, and told from so much of it on. */
const TREND_MS = 3_600_000;
const TREND_MS_MIN = 600_000;
const SAMPLE_MS = 30_000;
const CLOCK_MS_MAX = 2_000;
const CLOCK_MS_FAR = 60_000;
const HOUR_MS = 3_600_000;

interface Sample {
  readonly atMs: number;
  readonly availableBytes: number;
}

/** What of hosts is not as it should be, from what their agents report: disks that fill, with the time that is left, and clocks that are apart. */
export class HostFacts {
  readonly #disks = new Map<string, Sample[]>();

  /** `reports`: of each host what it told last; absent where it has told nothing lately, so that nothing of it is known. `known`: alarms that there are of hosts. */
  look(
    reports: ReadonlyMap<string, HostReport>,
    known: Iterable<Pick<AlarmFact, "resource" | "type" | "qualifier">>,
    nowMs: number,
  ): readonly AlarmFact[] {
    const facts: AlarmFact[] = [];
    for (const [host, report] of reports) {
      for (const disk of report.disks ?? []) facts.push(this.#ofDisk(host, disk, nowMs));
      facts.push(ofClock(host, report.clockAheadMs));
    }
    for (const one of known) if (!reports.has(one.resource.name)) facts.push({ ...one, holds: undefined, severity: "warning", text: "" });
    return facts;
  }

  #ofDisk(host: string, { mount, totalBytes, availableBytes }: NonNullable<HostReport["disks"]>[number], nowMs: number): AlarmFact {
    const key = `${host} ${mount}`;
    const samples = this.#disks.get(key) ?? [];
    if (nowMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= SAMPLE_MS) samples.push({ atMs: nowMs, availableBytes });
    while (nowMs - (samples[0]?.atMs ?? nowMs) > TREND_MS) samples.shift();
    this.#disks.set(key, samples);
    const free = totalBytes > 0 ? availableBytes / totalBytes : 1;
    const leftMs = timeLeftMs(samples, availableBytes);
    const severity = diskSeverity(free, leftMs);
    const told = `${mount} of host ${host} has ${Math.floor(free * 100)} % left${leftMs === undefined || leftMs > 30 * 24 * HOUR_MS ? "" : `; it goes on like this, so it is full in ${formatDuration(leftMs)}`}`;
    return {
      resource: { kind: "Host", name: host },
      type: "disk-filling",
      qualifier: mount,
      holds: severity !== undefined,
      severity: severity ?? "warning",
      text: told,
      action: "Make room: du -xh --max-depth=2 on that mount; old backups, logs and artifacts first. Then more disk.",
      response: severity === "critical" ? "10m" : "4h",
      settings: { delayMs: 60_000, clearDelayMs: 300_000 },
    };
  }
}

/** Nearly full is bad however slowly it goes; with room left it has to go fast. */
function diskSeverity(free: number, leftMs: number | undefined): AlarmFact["severity"] | undefined {
  if (free < 0.03 || (free < 0.2 && leftMs !== undefined && leftMs < HOUR_MS)) return "critical";
  if (free < 0.07 || (free < 0.2 && leftMs !== undefined && leftMs < 12 * HOUR_MS)) return "major";
  return free < 0.1 ? "warning" : undefined;
}

/** Until it is full, by the line through what was measured (least squares); `undefined`: too little is known, or it does not fill. */
export function timeLeftMs(samples: readonly Sample[], availableBytes: number): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs - first.atMs < TREND_MS_MIN) return undefined;
  const meanAt = samples.reduce((sum, one) => sum + one.atMs - first.atMs, 0) / samples.length;
  const meanBytes = samples.reduce((sum, one) => sum + one.availableBytes, 0) / samples.length;
  let above = 0;
  let below = 0;
  for (const one of samples) {
    const at = one.atMs - first.atMs - meanAt;
    above += at * (one.availableBytes - meanBytes);
    below += at * at;
  }
  const bytesPerMs = below === 0 ? 0 : above / below;
  return bytesPerMs >= 0 ? undefined : availableBytes / -bytesPerMs;
}

function ofClock(host: string, aheadMs: number | undefined): AlarmFact {
  const offMs = Math.abs(aheadMs ?? 0);
  return {
    resource: { kind: "Host", name: host },
    type: "clock-apart",
    holds: aheadMs === undefined ? undefined : offMs > CLOCK_MS_MAX,
    severity: offMs > CLOCK_MS_FAR ? "major" : "minor",
    text: `the clock of host ${host} is ${formatDuration(offMs)} ${(aheadMs ?? 0) > 0 ? "ahead of" : "behind"} the centre's`,
    action: "See that both keep time: chronyc tracking, timedatectl. Times in logs and observations of that host are off by so much.",
    response: "4h",
    settings: { delayMs: 60_000, clearDelayMs: 60_000 },
  };
}
