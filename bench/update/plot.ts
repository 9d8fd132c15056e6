/** Draws rounds as SVG: latency over time, who answered, and what was mixed or failed. */
import { quantile } from "../harness/report.ts";
import type { Answer } from "./load.ts";
import type { Round } from "./rounds.ts";

export interface Panel {
  readonly title: string;
  readonly round: Round;
}

const BUCKET_MS = 250;
const WIDTH = 640;
const HEIGHT = 230;
const BOX = { left: 54, right: 14, top: 34, bottom: 52 } as const;
const SHARE_HEIGHT = 10;
const LEVELS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** One panel below the other, two beside each other. */
export function plot(panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / 2);
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(${(index % 2) * WIDTH} ${Math.floor(index / 2) * HEIGHT})">\n${drawPanel(panel)}\n</g>`,
  );
  const width = WIDTH * Math.min(2, panels.length);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${rows * HEIGHT + 24}" width="${width}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${drawn.join("\n")}
<g transform="translate(${BOX.left} ${rows * HEIGHT + 10})">
<line x1="0" x2="18" stroke="#15c" stroke-width="1.6"/><text x="22" y="4">median</text>
<line x1="80" x2="98" stroke="#c31" stroke-width="1.6"/><text x="102" y="4">99th percentile, of ${BUCKET_MS} ms each</text>
<rect x="300" y="-5" width="18" height="9" fill="#bbb"/><text x="322" y="4">answered by the old version</text>
<rect x="490" y="-5" width="18" height="9" fill="#4a4"/><text x="512" y="4">by the new one</text>
${mark("mixed", 616, 0)}<text x="624" y="4">mixed</text>
${mark("failed", 676, 0)}<text x="684" y="4">failed</text>
</g>
</svg>
`;
}

function drawPanel({ title, round }: Panel): string {
  const { answers, startedMs, marks } = round;
  const times = answers.map((one) => one.dueMs - startedMs);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const latencies = answers.map((one) => one.endMs - one.dueMs);
  const top = LEVELS_MS.find((level) => level >= Math.max(...latencies)) ?? 20_000;
  const bottom = LEVELS_MS.findLast((level) => level <= Math.min(...latencies)) ?? 0.5;
  const x = (ms: number): number => px(BOX.left + ((ms - from) / (to - from)) * (WIDTH - BOX.left - BOX.right));
  const y = (ms: number): number => px(HEIGHT - BOX.bottom - (Math.log(ms / bottom) / Math.log(top / bottom)) * (HEIGHT - BOX.top - BOX.bottom));
  const buckets = new Map<number, { readonly latencies: number[]; isNew: number }>();
  for (const one of answers) {
    const index = Math.floor((one.dueMs - startedMs) / BUCKET_MS);
    const bucket = buckets.get(index) ?? { latencies: [], isNew: 0 };
    buckets.set(index, bucket);
    bucket.latencies.push(one.endMs - one.dueMs);
    if (one.version === round.to && round.from !== round.to) bucket.isNew++;
  }
  const ordered = [...buckets].sort(([a], [b]) => a - b);
  const line = (share: number, colour: string): string =>
    `<polyline fill="none" stroke="${colour}" stroke-width="1.6" points="${ordered.map(([index, one]) => `${x(Math.max(from, Math.min(to, (index + 0.5) * BUCKET_MS)))},${y(quantile(one.latencies, share))}`).join(" ")}"/>`;
  const shares = ordered.map(([index, one]) => {
    const left = x(Math.max(from, index * BUCKET_MS));
    const width = px(x(Math.min(to, (index + 1) * BUCKET_MS)) - left);
    const height = px((one.isNew / one.latencies.length) * SHARE_HEIGHT);
    const base = HEIGHT - BOX.bottom + 4 + SHARE_HEIGHT;
    return `<rect x="${left}" y="${base - SHARE_HEIGHT}" width="${width}" height="${SHARE_HEIGHT}" fill="#bbb"/><rect x="${left}" y="${px(base - height)}" width="${width}" height="${height}" fill="#4a4"/>`;
  });
  const wrong = answers
    .filter((one) => one.outcome !== "ok")
    .map((one) => mark(one.outcome, x(one.dueMs - startedMs), y(Math.max(bottom, one.endMs - one.dueMs))));
  const levels = LEVELS_MS.filter((level) => level >= bottom && level <= top).map(
    (level) =>
      `<line x1="${BOX.left}" x2="${WIDTH - BOX.right}" y1="${y(level)}" y2="${y(level)}" stroke="#eee"/><text x="${BOX.left - 4}" y="${y(level) + 4}" text-anchor="end" fill="#666">${level < 1000 ? `${level} ms` : `${level / 1000} s`}</text>`,
  );
  const seconds = Array.from({ length: Math.floor(to / 1000) - Math.ceil(from / 1000) + 1 }, (_, index) => Math.ceil(from / 1000) + index).map(
    (second) => `<text x="${x(second * 1000)}" y="${HEIGHT - BOX.bottom + 28}" text-anchor="middle" fill="#666">${second} s</text>`,
  );
  const named: readonly (readonly [string, number | undefined])[] = [
    ["asked", 0],
    ["ready", marks.readyMs],
    ["switched", marks.switchedMs],
    ["withdrawn", marks.withdrawnMs],
  ];
  const marked = named
    .flatMap(([name, ms]) => (ms === undefined ? [] : [{ name, ms }]))
    .toSorted((a, b) => a.ms - b.ms)
    .map(
      ({ name, ms }, index) =>
        `<line x1="${x(ms)}" x2="${x(ms)}" y1="${BOX.top - 4}" y2="${HEIGHT - BOX.bottom}" stroke="#888" stroke-dasharray="3 2"/><text x="${x(ms) + 2}" y="${BOX.top + 6 + (index % 3) * 12}" fill="#444">${name}</text>`,
    );
  return [
    `<text x="${BOX.left}" y="18" font-size="13">${title}</text>`,
    ...levels,
    ...seconds,
    ...shares,
    ...marked,
    line(0.5, "#15c"),
    line(0.99, "#c31"),
    ...wrong,
  ].join("\n");
}

/** A ring for a request that met two versions, a cross for one that failed. */
function mark(outcome: Answer["outcome"], x: number, y: number): string {
  if (outcome === "mixed") return `<circle cx="${x}" cy="${y}" r="3" fill="none" stroke="#a0a" stroke-width="1.4"/>`;
  return `<path d="M${px(x - 3)} ${px(y - 3)}l6 6m0 -6l-6 6" stroke="#000" stroke-width="1.2"/>`;
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}
