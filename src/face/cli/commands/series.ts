import { OrreryError } from "#/base/index.ts";
import { durationMs, formatDuration } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { isDuration } from "../durations.ts";
import { parseMoment } from "../log-times.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { drawPlot, formatFigure } from "../plot.ts";
import { oneLine } from "../printable.ts";
import { formatTable } from "../table.ts";

const STEPS_WANTED = 200;
const STEPS_MAX = 11_000;
/** Series that are drawn, or listed. */
const PLOTS_MAX = 20;
const PLOT_ROWS = 8;
const COLUMNS = 100;

interface PromAnswer {
  readonly data: {
    readonly resultType: "vector" | "matrix" | "scalar" | "string";
    readonly result: unknown;
    readonly resolution?: string;
  };
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** `orrery series query`. */
export async function runSeries(context: CliContext, [, expression = ""]: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  const span = spanOf(options, context.clock.now());
  const api = await connectPatiently(context, options.data);
  try {
    const at = options.to === undefined ? {} : { time: String(parseMoment("--to", options.to, context.clock.now()) / 1_000) };
    const path = `/prometheus/api/v1/${span === undefined ? "query" : "query_range"}`;
    const query = span === undefined ? at : { start: seconds(span.fromMs), end: seconds(span.toMs), step: seconds(span.stepMs) };
    const answer = (await api.request({ path, query: { query: expression, ...query }, signal: context.signal, timeoutMs: 60_000 }))
      .body as PromAnswer;
    for (const text of [...(answer.warnings ?? []), ...(answer.infos ?? [])]) terminal.note(text);
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, answer.data);
    else print(context, answer, span, options.plot === true);
    return 0;
  } finally {
    await api.close();
  }
}

function seconds(ms: number): string {
  return String(ms / 1_000);
}

/** `undefined`: one instant is asked for.
 *  @throws cli/usage */
function spanOf({ from, to, step, plot, given }: Options, nowMs: number): Span | undefined {
  if (from === undefined) {
    const wrong = plot === true ? "--plot" : given.find((name) => name === "--step");
    if (wrong !== undefined) throw new OrreryError("cli/usage", `${wrong} is of a time: say since when, such as --from 1h`);
    return undefined;
  }
  const fromMs = parseMoment("--from", from.replace(/^-(?=\d)/, ""), nowMs);
  const toMs = to === undefined ? nowMs : parseMoment("--to", to.replace(/^-(?=\d)/, ""), nowMs);
  if (toMs <= fromMs) throw new OrreryError("cli/usage", "--to is not before --from, nor at the same time");
  if (step !== undefined && (!isDuration(step) || durationMs(step) <= 0))
    throw new OrreryError("cli/usage", `--step: found ${JSON.stringify(step.slice(0, 60))}; give a duration above 0, such as 30s`);
  const stepMs = step === undefined ? Math.max(1_000, Math.ceil((toMs - fromMs) / STEPS_WANTED / 1_000) * 1_000) : durationMs(step);
  if ((toMs - fromMs) / stepMs >= STEPS_MAX)
    throw new OrreryError(
      "cli/usage",
      `--step: ${formatDuration(stepMs)} makes more than ${STEPS_MAX} values; give ${formatDuration(Math.ceil((toMs - fromMs) / STEPS_MAX / 1_000) * 1_000)} or more`,
    );
  return { fromMs, toMs, stepMs };
}

function print(context: CliContext, { data }: PromAnswer, span: Span | undefined, isPlot: boolean): void {
  const { terminal } = context;
  if (data.resultType === "scalar" || data.resultType === "string") {
    const [, value] = data.result as readonly [number, string];
    terminal.out(data.resultType === "string" ? oneLine(value) : value);
    return;
  }
  const series = data.result as readonly Found[];
  if (series.length === 0) return terminal.note("no series has a value there");
  if (isPlot && span !== undefined) return plot(context, series, span);
  const rows = series.map(({ metric, value, values }) => {
    if (value !== undefined) return [oneLine(nameOf(metric)), formatFigure(Number(value[1]))];
    const numbers = (values ?? []).map(([, text]) => numberOf(text));
    const [least, greatest] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
    return [
      oneLine(nameOf(metric)),
      String(numbers.length),
      ...[numbers[0] ?? Number.NaN, numbers.at(-1) ?? Number.NaN, least, greatest, mean].map(formatFigure),
    ];
  });
  const titles = series.some(({ values }) => values !== undefined) ? ["VALUES", "FIRST", "LAST", "MIN", "MAX", "MEAN"] : ["VALUE"];
  const columns = [{ title: "SERIES", shrinks: true }, ...titles.map((title) => ({ title, align: "right" as const }))];
  const [head = "", ...lines] = formatTable(columns, rows, terminal.columns);
  terminal.out(terminal.paint("bold", head));
  for (const line of lines) terminal.out(line);
}

function plot({ terminal }: CliContext, series: readonly Found[], { fromMs, toMs }: Span): void {
  for (const { metric, values = [] } of series.slice(0, PLOTS_MAX)) {
    const lines = [{ times: values.map(([at]) => at * 1_000), values: values.map(([, text]) => numberOf(text)) }];
    terminal.out(terminal.paint("bold", oneLine(nameOf(metric))));
    const columns = Math.min(terminal.columns ?? COLUMNS, 200);
    const drawn = drawPlot(lines, { fromMs, toMs, columns, rows: PLOT_ROWS });
    for (const line of drawn.length === 0 ? ["no number"] : drawn) terminal.out(line);
    terminal.out(timesBelow(fromMs, toMs, columns));
  }
  if (series.length > PLOTS_MAX) terminal.note(`${series.length - PLOTS_MAX} more series are not drawn: ask for fewer, such as topk(5, …)`);
}

function timesBelow(fromMs: number, toMs: number, columns: number): string {
  const isDay = toMs - fromMs < 20 * 3_600_000;
  const [first, last] = [fromMs, toMs].map((ms) => {
    const text = new Date(ms).toISOString();
    return isDay ? `${text.slice(11, 16)}Z` : `${text.slice(5, 16).replace("T", " ")}Z`;
  }) as [string, string];
  return `${" ".repeat(8)}${first}${" ".repeat(Math.max(1, columns - 8 - first.length - last.length))}${last}`;
}

/** `up{job="a"}`; `{}` for one without labels. */
function nameOf({ __name__: name = "", ...labels }: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length === 0 && name !== "" ? name : `${name}{${pairs.join(", ")}}`;
}

function numberOf(text: string): number {
  return text === "+Inf" ? Number.POSITIVE_INFINITY : text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}
