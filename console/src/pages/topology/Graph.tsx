import { type KeyboardEvent, memo, type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { CallsEdgeRow, CallsNodeRow } from "../../../../src/face/views/protocol.ts";
import { isWall } from "../../frame/look.ts";
import { failedShare, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { EdgePaths, type Point, textOf } from "./edge-path.ts";
import { type CallGraph, edgeKey, ports, strokesOf } from "./graph.ts";
import type { Layout } from "./layout.ts";
import { useNodeName } from "./names.ts";

const BOX = { width: 176, height: 44 };
const COLUMN_PX = 272;
const ROW_PX = 60;
const MARGIN_PX = 28;
/** Smaller text is not read; a picture that does not fit in at this size is scrolled. */
const FIT_MIN = 0.72;
const FIT_MAX = 1.15;
const ZOOM_MIN = 0.4;
const ZOOM_MAX = 2;
const ZOOM_STEP = 1.2;

interface GraphProps {
  readonly graph: CallGraph;
  readonly layout: Layout;
  /** A box or an edge: `service:a`, `service:a>service:b`. */
  readonly selected: string;
  readonly onSelect: (key: string) => void;
  readonly isStale: boolean;
  readonly zoom: number | undefined;
  readonly onZoom: (zoom: number | undefined) => void;
}

/** Boxes and who calls whom, from left to right. Arrow keys go from box to box, Enter opens one, + and − make it larger and smaller, 0 fits it in. */
export function Graph({ graph, layout, selected, onSelect, isStale, zoom: chosen, onZoom }: GraphProps) {
  const t = useTexts("topology");
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState({ width: 0, height: 0 });
  const [hovered, setHovered] = useState<string>();
  const [active, setActive] = useState<string>();
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = (): void => setRoom({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const { corners, size } = useMemo(() => placed(graph.nodes, layout), [graph.nodes, layout]);
  const fit =
    room.width === 0
      ? 1
      : Math.max(FIT_MIN, Math.min(isWall.value ? ZOOM_MAX : FIT_MAX, (room.width - 2) / size.width, (room.height - 2) / size.height));
  const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, chosen ?? fit));
  const zoomBy = (by: number): void => onZoom(Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, zoom * by)));
  const drag = useDrag(box);
  useWheelZoom(box, zoomBy);

  // What a link opens, or a drawer leaves less room for, is to be seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another size of the window moves it, too
  useEffect(() => {
    const id = selected.split(">").at(-1);
    if (id !== "") box.current?.querySelector(`[data-box="${CSS.escape(id ?? "")}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [selected, room.width]);
  const lit = hovered ?? (selected === "" ? undefined : selected);
  const current = active !== undefined && corners.has(active) ? active : graph.nodes[0]?.id;
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "+" || event.key === "=") zoomBy(ZOOM_STEP);
    else if (event.key === "-") zoomBy(1 / ZOOM_STEP);
    else if (event.key === "0") onZoom(undefined);
    else {
      const next = current === undefined ? undefined : neighbour(corners, current, event.key);
      if (next === undefined) return;
      setActive(next);
      box.current?.querySelector<HTMLElement>(`[data-box="${CSS.escape(next)}"]`)?.focus();
    }
    event.preventDefault();
  };
  const litIds = useMemo(() => (lit === undefined ? undefined : litBy(lit, graph.edges)), [lit, graph.edges]);
  return (
    <div ref={box} className={`graph${isStale ? " is-stale" : ""}`} role="group" aria-label={t("graph")} onKeyDown={onKey} {...drag}>
      <div className="graph-size" style={{ width: Math.max(size.width * zoom, 0), height: size.height * zoom }}>
        <div className="graph-scaled" style={{ width: size.width, height: size.height, transform: `scale(${zoom})` }}>
          <Edges graph={graph} corners={corners} size={size} lit={lit} onSelect={onSelect} onHover={setHovered} />
          {graph.nodes.map((node) => {
            const corner = corners.get(node.id);
            return (
              corner !== undefined && (
                <Box
                  key={node.id}
                  node={node}
                  x={corner.x}
                  y={corner.y}
                  isSelected={node.id === selected}
                  isDim={litIds !== undefined && !litIds.has(node.id)}
                  isActive={node.id === current}
                  onSelect={onSelect}
                  onHover={setHovered}
                  onFocus={setActive}
                />
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface BoxProps {
  readonly node: CallsNodeRow;
  readonly x: number;
  readonly y: number;
  readonly isSelected: boolean;
  readonly isDim: boolean;
  readonly isActive: boolean;
  readonly onSelect: (key: string) => void;
  readonly onHover: (id: string | undefined) => void;
  readonly onFocus: (id: string) => void;
}

const Box = memo(function Box({ node, x, y, isSelected, isDim, isActive, onSelect, onHover, onFocus }: BoxProps) {
  const t = useTexts("topology");
  const nameOf = useNodeName();
  const hurt = hurtOf(node);
  const severity = node.severity ?? (hurt === undefined ? undefined : hurt);
  const isBad = hurt === "critical" || node.severity === "critical";
  const failed = failedShare(node);
  return (
    <button
      type="button"
      data-box={node.id}
      className={`box is-${node.kind}${isBad ? " is-bad" : hurt !== undefined || node.hurts ? " is-hurt" : ""}${node.coming === undefined ? "" : " is-changing"}${isDim ? " is-dim" : ""}`}
      style={{ transform: `translate(${x}px,${y}px)`, width: BOX.width, height: BOX.height }}
      aria-pressed={isSelected}
      tabIndex={isActive ? 0 : -1}
      onClick={() => onSelect(node.id)}
      onFocus={() => onFocus(node.id)}
      onPointerEnter={() => onHover(node.id)}
      onPointerLeave={() => onHover(undefined)}
    >
      <span className="box-line">
        {severity !== undefined && <Shape severity={severity} />}
        <b className="clip">{nameOf(node.id)}</b>
        {(node.rate > 0 || node.refusedRate > 0) && (
          <span className="box-rate">
            {formatRate(node.rate)}
            <span className="quiet">/s</span>
          </span>
        )}
      </span>
      <span className="box-line small quiet">
        <span className="clip box-version">
          {node.kind === "group"
            ? t("services", { count: node.services })
            : node.version === undefined
              ? node.kind === "service"
                ? ""
                : t(`about.${node.kind}`)
              : node.version}
          {node.coming !== undefined && <span className="is-coming"> → {node.coming}</span>}
        </span>
        {failed > 0 ? (
          <span className={`box-figure is-${hurt}`}>{t("failed", { share: formatPart(failed) })}</span>
        ) : (
          node.rate > 0 && <span className={`box-figure${hurt === undefined ? "" : ` is-${hurt}`}`}>{formatUntil(node.p95Ms)}</span>
        )}
      </span>
    </button>
  );
});

interface EdgesProps {
  readonly graph: CallGraph;
  readonly corners: ReadonlyMap<string, Point>;
  readonly size: { readonly width: number; readonly height: number };
  readonly lit: string | undefined;
  readonly onSelect: (key: string) => void;
  readonly onHover: (key: string | undefined) => void;
}

const Edges = memo(function Edges({ graph, corners, size, lit, onSelect, onHover }: EdgesProps) {
  const t = useTexts("topology");
  const drawn = useMemo(() => graph.edges.filter(({ from, to }) => corners.has(from) && corners.has(to)), [graph.edges, corners]);
  const touching = useMemo(() => ports(drawn, (id) => corners.get(id)?.y ?? 0, BOX.height - 12), [drawn, corners]);
  // What hurts is drawn last, above the rest.
  const sorted = useMemo(() => drawn.toSorted((a, b) => Number(a.hurts) - Number(b.hurts) || b.rate - a.rate), [drawn]);
  // Found anew when boxes or edges change, not with each figure.
  const ways = useMemo(() => {
    const paths = new EdgePaths(corners.values(), BOX);
    const found = drawn.map((edge) => {
      const { out, in: inward } = touching.get(edgeKey(edge)) ?? { out: 0, in: 0 };
      const [from, to] = [corners.get(edge.from) as Point, corners.get(edge.to) as Point];
      const start = { x: from.x + BOX.width, y: from.y + BOX.height / 2 + out };
      const { curves, middle } = edge.from === edge.to ? paths.loop(from) : paths.find(start, { x: to.x, y: to.y + BOX.height / 2 + inward });
      return [edgeKey(edge), { path: textOf(curves), middle }] as const;
    });
    return new Map(found);
  }, [drawn, corners, touching]);
  return (
    <svg className="edges" width={size.width} height={size.height} aria-hidden="true" focusable="false">
      {sorted.map((edge) => {
        const key = edgeKey(edge);
        const { path, middle } = ways.get(key) as { readonly path: string; readonly middle: Point };
        const failed = failedShare(edge);
        const isLit = lit === undefined || lit === key || lit === edge.from || lit === edge.to;
        const hurt = hurtOf(edge);
        const isNamed = hurt !== undefined || (lit !== undefined && isLit);
        return (
          <g
            key={key}
            className={`edge${isLit ? "" : " is-dim"}${lit === key ? " is-lit" : ""}`}
            onClick={() => onSelect(key)}
            onPointerEnter={() => onHover(key)}
            onPointerLeave={() => onHover(undefined)}
          >
            <path className="edge-reach" d={path} />
            {strokesOf(edge, failed).map(({ of, width, offset }) => (
              <path
                key={of}
                className={`stroke is-${of}${edge.comingShare + edge.leavingShare > 0 ? " is-two" : ""}`}
                d={path}
                strokeWidth={width}
                transform={offset === 0 ? undefined : `translate(0 ${offset.toFixed(2)})`}
              />
            ))}
            {isNamed && (
              <text className={`edge-name${hurt === undefined ? "" : ` is-${hurt}`}`} x={middle.x} y={middle.y - 7} textAnchor="middle">
                {failed > 0
                  ? t("failed", { share: formatPart(failed) })
                  : hurt === undefined
                    ? `${formatRate(edge.rate)}/s`
                    : formatUntil(edge.p95Ms)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
});

/** Upper left corners in pixels, and how much room all need. */
function placed(
  nodes: readonly CallsNodeRow[],
  layout: Layout,
): { readonly corners: ReadonlyMap<string, Point>; readonly size: { readonly width: number; readonly height: number } } {
  const places = nodes.flatMap(({ id }) => (Object.hasOwn(layout, id) ? [{ id, ...(layout[id] as { column: number; row: number }) }] : []));
  const left = Math.min(...places.map(({ column }) => column));
  const top = Math.min(...places.map(({ row }) => row));
  const corners = new Map(
    places.map(({ id, column, row }) => [
      id,
      { x: Math.round(MARGIN_PX + (column - left) * COLUMN_PX), y: Math.round(MARGIN_PX + (row - top) * ROW_PX) },
    ]),
  );
  const all = [...corners.values()];
  const width = Math.max(0, ...all.map(({ x }) => x)) + BOX.width + MARGIN_PX;
  const height = Math.max(0, ...all.map(({ y }) => y)) + BOX.height + MARGIN_PX;
  return { corners, size: { width, height } };
}

/** Boxes that belong to a box or an edge: itself and its neighbours. */
function litBy(key: string, edges: readonly CallsEdgeRow[]): ReadonlySet<string> {
  const ids = new Set(key.split(">"));
  if (ids.size === 1 && !key.includes(">"))
    for (const { from, to } of edges) {
      if (from === key) ids.add(to);
      if (to === key) ids.add(from);
    }
  return ids;
}

/** The nearest box in the direction of an arrow key. */
function neighbour(corners: ReadonlyMap<string, Point>, from: string, key: string): string | undefined {
  const here = corners.get(from);
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  if (here === undefined || way === undefined) return undefined;
  const [wayX = 0, wayY = 0] = way;
  let best: { readonly id: string; readonly cost: number } | undefined;
  for (const [id, { x, y }] of corners) {
    const ahead = (x - here.x) * wayX + (y - here.y) * wayY;
    if (id === from || ahead <= 4) continue;
    const aside = Math.abs((x - here.x) * wayY) + Math.abs((y - here.y) * wayX);
    const cost = ahead + aside * 3;
    if (best === undefined || cost < best.cost) best = { id, cost };
  }
  return best?.id;
}

/** The ground is dragged; what is on it is pressed. */
function useDrag(box: { readonly current: HTMLElement | null }): {
  readonly onPointerDown: (event: PointerEvent) => void;
  readonly onPointerMove: (event: PointerEvent) => void;
  readonly onPointerUp: () => void;
  readonly onPointerCancel: () => void;
} {
  const from = useRef<{ readonly x: number; readonly y: number; readonly left: number; readonly top: number }>(undefined);
  const end = (): void => {
    from.current = undefined;
    box.current?.classList.remove("is-dragged");
  };
  return {
    onPointerDown: (event) => {
      const element = box.current;
      // A finger scrolls by itself.
      if (element === null || event.pointerType !== "mouse" || event.button !== 0 || (event.target as Element).closest("button, .edge") !== null)
        return;
      from.current = { x: event.clientX, y: event.clientY, left: element.scrollLeft, top: element.scrollTop };
      element.setPointerCapture(event.pointerId);
      element.classList.add("is-dragged");
    },
    onPointerMove: (event) => {
      if (from.current === undefined || box.current === null) return;
      box.current.scrollTo(from.current.left - event.clientX + from.current.x, from.current.top - event.clientY + from.current.y);
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

/** Ctrl and the wheel, or two fingers on a touch pad, make it larger and smaller; the page itself stays as it is. */
function useWheelZoom(box: { readonly current: HTMLElement | null }, zoomBy: (by: number) => void): void {
  const latest = useRef(zoomBy);
  latest.current = zoomBy;
  useEffect(() => {
    const element = box.current;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      latest.current(Math.exp(-event.deltaY / 300));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, [box]);
}
