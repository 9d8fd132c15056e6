/** One plot on the page: uPlot draws, what lies over it is ours. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Line, type Lines, nearestLine } from "./lines.ts";
import { tickText } from "./range.ts";

export interface PlotData {
  readonly lines: Lines;
  /** What is shown of the time, whether something is known of all of it or not. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Where the scale ends at the least. */
  readonly max: number | undefined;
  /** Where it begins to be too much. */
  readonly limit: number | undefined;
  /** Bytes: whole powers of two are what people can read. */
  readonly isBinary: boolean;
}

export interface PlotEvents {
  /** Of a value on the axis. */
  readonly format: (value: number) => string;
  /** The pointer is over a place of the time axis, in this plot or in another one; undefined: over none. `near`: the line under it in this one. */
  readonly onPoint: (index: number | undefined, near: number | undefined) => void;
  /** Somebody has drawn over a part of the time. */
  readonly onZoom: (fromMs: number, toMs: number) => void;
  /** Moved by so much of what is shown. */
  readonly onPan: (part: number) => void;
  /** Twice as long, please. */
  readonly onWiden: () => void;
}

/** Crosshairs of plots with the same key move together. */
const CROSSHAIR = "orrery";
const NEAR_PX = 24;
const TICK_PX = 72;
const LEVEL_PX = 36;
const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);
/** Fewer lines are told apart by how they are drawn. */
const STYLES: readonly { readonly colour: string; readonly dash: number[] }[] = [
  { colour: "--text", dash: [] },
  { colour: "--text-2", dash: [] },
  { colour: "--text-2", dash: [6, 3] },
  { colour: "--text-2", dash: [2, 3] },
];

/** How line `index` of `count` is drawn: the name of a colour, and dashes. */
export function styleOf(index: number, count: number): { readonly colour: string; readonly dash: number[] } {
  return count > STYLES.length ? { colour: "--edge", dash: [] } : (STYLES[index] ?? { colour: "--edge", dash: [] });
}

export class PlotView {
  readonly #plot: uPlot;
  readonly #over = document.createElement("canvas");
  readonly #events: PlotEvents;
  #data: PlotData;
  #chosen: number | undefined;
  #isOver = false;
  #isDrawing = false;

  constructor(host: HTMLElement, data: PlotData, size: { readonly width: number; readonly height: number }, events: PlotEvents) {
    this.#data = data;
    this.#events = events;
    const { lines } = data.lines;
    this.#plot = new uPlot(
      {
        ...size,
        // Whoever looks from elsewhere sees the same hours.
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), "UTC"),
        padding: [8, 20, 0, 0],
        legend: { show: false },
        scales: {
          x: { range: () => [this.#data.fromMs / 1_000, this.#data.toMs / 1_000] },
          y: { range: (_plot, least, greatest) => this.#levels(least, greatest) },
        },
        axes: [
          {
            ...axisLook(),
            space: TICK_PX,
            size: 28,
            values: (_plot, splits, _axis, _space, every) => splits.map((seconds, at) => tickText(seconds * 1_000, every * 1_000, at === 0)),
          },
          {
            ...axisLook(),
            space: LEVEL_PX,
            ...(data.isBinary && { incrs: BINARY_STEPS }),
            size: (_plot, texts) => 14 + 7 * Math.max(3, ...(texts ?? []).map(({ length }) => length)),
            values: (_plot, splits) => splits.map((value) => events.format(value)),
          },
        ],
        series: [
          {},
          ...lines.map((_line, index) => ({
            stroke: () => colour(this.#strokeOf(index)),
            width: 1.5,
            dash: styleOf(index, lines.length).dash,
            spanGaps: false,
            // One value between two gaps is a point, or nobody would see it.
            points: {
              show: true,
              size: 3,
              fill: () => colour(this.#strokeOf(index)),
              filter: (plot: uPlot, series: number) => alone(plot.data[series]),
            },
          })),
        ],
        cursor: {
          y: false,
          // Where the pointer is, not what it does.
          sync: { key: CROSSHAIR, filters: { pub: (type) => type !== "mousedown" && type !== "mouseup" } },
          points: { show: false },
          drag: { x: true, y: false, setScale: false, dist: 5 },
          bind: {
            // A plot drawn over is zoomed; with Shift it is moved.
            mousedown: (_plot, _target, handler) => (event) => {
              this.#isDrawing = !event.shiftKey;
              if (event.shiftKey) this.#pan(event);
              else handler(event);
              return null;
            },
            dblclick: () => () => {
              events.onWiden();
              return null;
            },
          },
        },
        hooks: {
          setCursor: [() => this.#point()],
          setSelect: [(plot) => this.#zoom(plot)],
          draw: [(plot) => this.#drawLimit(plot), () => this.#drawChosen()],
        },
      },
      dataOf(data.lines),
      host,
    );
    const { over } = this.#plot;
    this.#over.className = "plot-over";
    over.append(this.#over);
    over.addEventListener("pointerenter", () => {
      this.#isOver = true;
    });
    over.addEventListener("pointerleave", () => {
      this.#isOver = false;
      this.#point();
    });
    over.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** New values of as many lines. */
  set data(data: PlotData) {
    this.#data = data;
    this.#plot.setData(dataOf(data.lines));
  }

  set size(size: { readonly width: number; readonly height: number }) {
    if (size.width !== this.#plot.width || size.height !== this.#plot.height) this.#plot.setSize(size);
  }

  /** The line that is drawn above all others. */
  set chosen(index: number | undefined) {
    if (index === this.#chosen) return;
    this.#chosen = index;
    this.#drawChosen();
  }

  /** After another theme was chosen. */
  redraw(): void {
    this.#plot.redraw(false);
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #levels(least: number | null, greatest: number | null): [number, number] {
    const { max = 0, limit } = this.#data;
    const top = Math.max(greatest ?? 0, max, 0);
    const bottom = Math.min(least ?? 0, 0);
    if (top === bottom) return [0, max > 0 ? max : limit !== undefined && limit > 0 ? limit : 1];
    // Rates and sizes begin at nothing.
    return [bottom < 0 ? bottom * 1.1 : 0, top === max ? top : top * 1.1];
  }

  #strokeOf(index: number): string {
    const { lines, limit } = this.#data;
    const line = lines.lines[index];
    if (limit !== undefined && line?.last !== undefined && line.last > limit) return "--major";
    return styleOf(index, lines.lines.length).colour;
  }

  #point(): void {
    const { cursor } = this.#plot;
    const { left = -1, top = -1, idx } = cursor;
    if (left < 0 || idx === null || idx === undefined) return this.#events.onPoint(undefined, undefined);
    const level = this.#plot.posToVal(top, "y");
    const within = Math.abs(this.#plot.posToVal(top - NEAR_PX, "y") - level);
    this.#events.onPoint(idx, this.#isOver ? nearestLine(this.#data.lines.lines, idx, level, within) : undefined);
  }

  #zoom(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 5 || !this.#isDrawing) return;
    this.#isDrawing = false;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#events.onZoom(from * 1_000, to * 1_000);
  }

  #pan(down: MouseEvent): void {
    const { width } = this.#plot.rect;
    const end = (up: MouseEvent): void => {
      removeEventListener("mouseup", end);
      const part = (down.clientX - up.clientX) / Math.max(1, width);
      if (Math.abs(part) > 0.01) this.#events.onPan(part);
    };
    addEventListener("mouseup", end);
  }

  /** Sideways, as a touch pad does; up and down is the page's. */
  #wheel(event: WheelEvent): void {
    const across = event.shiftKey ? event.deltaY : event.deltaX;
    if (across === 0 || Math.abs(across) < Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
    event.preventDefault();
    this.#events.onPan(Math.max(-0.5, Math.min(0.5, across / 1_000)));
  }

  #drawLimit(plot: uPlot): void {
    const { limit } = this.#data;
    if (limit === undefined) return;
    const { ctx, bbox } = plot;
    const at = plot.valToPos(limit, "y", true);
    if (at < bbox.top || at > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = colour("--major");
    ctx.globalAlpha = 0.5;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
    ctx.restore();
  }

  /** The chosen line alone is drawn anew: two hundred of them would not follow the pointer. */
  #drawChosen(): void {
    const { over } = this.#plot;
    const [width, height] = [over.clientWidth, over.clientHeight];
    const ratio = devicePixelRatio;
    if (this.#over.width !== Math.round(width * ratio) || this.#over.height !== Math.round(height * ratio)) {
      this.#over.width = Math.round(width * ratio);
      this.#over.height = Math.round(height * ratio);
    }
    const context = this.#over.getContext("2d");
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const line = this.#chosen === undefined ? undefined : this.#data.lines.lines[this.#chosen];
    if (line === undefined) return;
    context.strokeStyle = colour("--accent");
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.beginPath();
    this.#trace(context, line);
    context.stroke();
  }

  #trace(context: CanvasRenderingContext2D, line: Line): void {
    const { times } = this.#data.lines;
    let isDown = false;
    for (let index = 0; index < times.length; index++) {
      const value = line.values[index];
      if (value === null || value === undefined) {
        isDown = false;
        continue;
      }
      const [x, y] = [this.#plot.valToPos(times[index] as number, "x"), this.#plot.valToPos(value, "y")];
      if (isDown) context.lineTo(x, y);
      else context.moveTo(x, y);
      isDown = true;
    }
  }
}

function dataOf({ times, lines }: Lines): uPlot.AlignedData {
  return [times as number[], ...lines.map(({ values }) => values as (number | null)[])];
}

function alone(values: ArrayLike<number | null | undefined> | undefined): number[] {
  const found: number[] = [];
  for (let index = 0; values !== undefined && index < values.length; index++)
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) found.push(index);
  return found;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axisLook(): Pick<uPlot.Axis, "stroke" | "grid" | "ticks" | "font" | "gap"> {
  return {
    stroke: () => colour("--text-2"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${colour("--font")}`,
    gap: 6,
  };
}
