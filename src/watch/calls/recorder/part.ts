import { mkdirSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { describeError, type Log, OrreryError } from "#/base/index.ts";
import type { Link } from "#/state/link/index.ts";
import { readIfThere, writeDurably } from "#/traffic/gateway/durable-file.ts";
import { CALL_LINES, type GatewayPart } from "#/traffic/gateway/index.ts";
import { type Figure, LOOK_MS, tellFigures } from "#/watch/figures/index.ts";
import { type CallQuery, TRACE_CALLS_MAX } from "../core/query.ts";
import { type CallSettings, DEFAULT_SETTINGS } from "../core/settings.ts";
import type { RecorderFigures } from "./messages.ts";
import { RecorderThread } from "./recorder-thread.ts";

const SETTINGS = z.object({
  share: z.number().min(0).max(1),
  slowMs: z.number().min(0),
  keepMs: z.number().min(0),
  bytesMax: z.number().min(0),
  otlpUrl: z.string().optional(),
});
const TRACES = z.object({ traces: z.array(z.string().regex(/^[0-9a-f]{32}$/)).max(1_000) });
const QUERY = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  traceId: z.string().optional(),
  services: z.array(z.string()).max(10_000).optional(),
  caller: z.string().optional(),
  instance: z.string().optional(),
  generation: z.number().optional(),
  isError: z.boolean().optional(),
  slowMs: z.number().optional(),
  limit: z.number().min(1).max(TRACE_CALLS_MAX),
});

/** Records the calls of a gateway: the lines of its access log, kept for questions. What is to be kept the centre says; without it, what it said last. */
export const callRecorderPart: GatewayPart = {
  name: "call-recorder",
  start({ folder, accessLogFile, host, clock, log, use, lifecycle }) {
    const own = path.join(folder, "calls");
    mkdirSync(own, { recursive: true, mode: 0o700 });
    const file = path.join(own, "settings.json");
    let link: Link | undefined;
    const recorder = new RecorderThread({
      folder: path.join(own, "segments"),
      accessLogFile,
      host,
      settings: readSettings(file, log),
      clock,
      log,
      // Who is away hears nothing: its part of the tree may be missing, and is shown as a hole.
      onNews: (traces) => void link?.notify("calls/notable", { traces }),
    });
    use(CALL_LINES)((lines) => recorder.take(lines));
    const tell = (): void => {
      cancel = clock.after(LOOK_MS, tell, { background: true });
      const figures = recorder.figures();
      if (figures !== undefined) tellFigures(link, clock.now(), figuresOf(figures));
    };
    let cancel = clock.after(LOOK_MS, tell, { background: true });
    lifecycle.add("figures of recorded calls", () => cancel());
    return {
      handlers: {
        calls: {
          "calls/find": async (params) => {
            const parsed = QUERY.safeParse(params);
            if (!parsed.success) throw new OrreryError("calls/bad-request", "the centre's question cannot be read: is it of another version?");
            return await recorder.find(parsed.data as CallQuery);
          },
        },
        notices: {
          "calls/settings": (params) => {
            const parsed = SETTINGS.safeParse(params);
            if (!parsed.success) return log.warn("what the centre says of recording calls cannot be read; is it of another version?");
            recorder.settings = parsed.data;
            keepSettings(file, parsed.data, log);
          },
          "calls/want": (params) => {
            const parsed = TRACES.safeParse(params);
            if (parsed.success) recorder.want(parsed.data.traces);
          },
        },
      },
      connected(opened) {
        link = opened;
      },
      disconnected() {
        link = undefined;
      },
      stop: () => recorder.close(),
    };
  },
};

function figuresOf({ seen, kept, leftOut, lost, bytes, exports }: RecorderFigures): readonly Figure[] {
  return [
    ["orrery_call_records_seen_total", {}, seen],
    ["orrery_call_records_kept_total", {}, kept],
    ["orrery_call_records_left_out_total", {}, leftOut],
    ["orrery_call_records_lost_total", {}, lost],
    ["orrery_call_records_bytes", {}, bytes],
    ...(exports === undefined
      ? []
      : ([
          ["orrery_call_exports_sent_total", {}, exports.sent],
          ["orrery_call_exports_lost_total", {}, exports.lost],
        ] as const)),
  ];
}

function readSettings(file: string, log: Log): CallSettings {
  try {
    const text = readIfThere(file);
    return text === undefined ? DEFAULT_SETTINGS : SETTINGS.parse(JSON.parse(text));
  } catch (error) {
    log.warn(`${file} cannot be read: calls are recorded as by default until the centre says how: ${describeError(error)}`);
    return DEFAULT_SETTINGS;
  }
}

function keepSettings(file: string, settings: CallSettings, log: Log): void {
  const text = `${JSON.stringify(settings)}\n`;
  try {
    if (readIfThere(file) !== text) writeDurably(file, text);
  } catch (error) {
    log.warn(`${file} cannot be written: after a start without the centre, calls are recorded as it said before: ${describeError(error)}`);
  }
}
