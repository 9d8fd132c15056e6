import { type KeyboardEvent, memo, useDeferredValue, useMemo, useRef, useState } from "react";
import type { CallsEdgeRow } from "../../../../src/face/views/protocol.ts";
import { failedShare, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { edgeKey } from "./graph.ts";
import { useNodeName } from "./names.ts";

interface MatrixProps {
  readonly edges: readonly CallsEdgeRow[];
  readonly selected: string;
  readonly onSelect: (key: string) => void;
  readonly isStale: boolean;
}

/** Who calls whom where there are too many boxes for a picture: callers down, called across, what hurts first. */
export function Matrix({ edges: told, selected, onSelect, isStale }: MatrixProps) {
  // Hundreds of places are drawn in pieces: what the person does goes first.
  const edges = useDeferredValue(told);
  const t = useTexts("topology");
  const nameOf = useNodeName();
  const grid = useRef<HTMLDivElement>(null);
  const { callers, called, at } = useMemo(() => axes(edges), [edges]);
  const [active, setActive] = useState<string>();
  const current = edges.find((edge) => edgeKey(edge) === active) ?? edges[0];
  const onKey = (event: KeyboardEvent): void => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (way === undefined || current === undefined) return;
    event.preventDefault();
    const [wayX = 0, wayY = 0] = way;
    const here = at(current);
    const ahead = edges
      .map((edge) => ({ edge, x: at(edge).x - here.x, y: at(edge).y - here.y }))
      .filter(({ x, y }) => x * wayX + y * wayY > 0)
      .sort((a, b) => cost(a, wayX) - cost(b, wayX))[0];
    if (ahead === undefined) return;
    setActive(edgeKey(ahead.edge));
    grid.current?.querySelector<HTMLElement>(`[data-cell="${CSS.escape(edgeKey(ahead.edge))}"]`)?.focus();
  };
  return (
    <div className={`matrix${isStale ? " is-stale" : ""}`} role="group" aria-label={t("matrix")}>
      <div
        ref={grid}
        className="matrix-grid"
        style={{ gridTemplateColumns: `var(--matrix-name) repeat(${called.length}, var(--matrix-cell)) 1fr` }}
        onKeyDown={onKey}
      >
        <span className="matrix-corner quiet small">{t("matrixCorner")}</span>
        {called.map((id, index) => (
          <span key={id} className="matrix-head" style={{ gridColumn: index + 2, gridRow: 1 }} title={nameOf(id)}>
            <span>{nameOf(id)}</span>
          </span>
        ))}
        {callers.map((id, index) => (
          <span key={id} className="matrix-name clip" style={{ gridRow: index + 2, gridColumn: 1 }} title={nameOf(id)}>
            {nameOf(id)}
          </span>
        ))}
        {edges.map((edge) => {
          const { x, y } = at(edge);
          const key = edgeKey(edge);
          return (
            <Cell
              key={key}
              edge={edge}
              x={x}
              y={y}
              isSelected={key === selected}
              isCurrent={edge === current}
              onSelect={onSelect}
              onFocus={setActive}
            />
          );
        })}
      </div>
    </div>
  );
}

interface CellProps {
  readonly edge: CallsEdgeRow;
  readonly x: number;
  readonly y: number;
  readonly isSelected: boolean;
  readonly isCurrent: boolean;
  readonly onSelect: (key: string) => void;
  readonly onFocus: (key: string) => void;
}

/** Drawn anew when its figures change. */
const Cell = memo(function Cell({ edge, x, y, isSelected, isCurrent, onSelect, onFocus }: CellProps) {
  const t = useTexts("topology");
  const nameOf = useNodeName();
  const key = edgeKey(edge);
  const hurt = hurtOf(edge);
  const text = t("cell", {
    from: nameOf(edge.from),
    to: nameOf(edge.to),
    rate: formatRate(edge.rate),
    failed: formatPart(failedShare(edge)),
    p95: formatUntil(edge.p95Ms),
  });
  return (
    <button
      type="button"
      data-cell={key}
      className={`matrix-cell${hurt === undefined ? "" : ` is-${hurt}`}`}
      style={{
        gridColumn: x + 2,
        gridRow: y + 2,
        ...(hurt === undefined && { opacity: 0.3 + Math.min(0.7, Math.log10(1 + edge.rate * 10) / 4) }),
      }}
      aria-pressed={isSelected}
      aria-label={text}
      title={text}
      tabIndex={isCurrent ? 0 : -1}
      onClick={() => onSelect(key)}
      onFocus={() => onFocus(key)}
    >
      {hurt !== undefined && <Shape severity={hurt} />}
    </button>
  );
});

function cost({ x, y }: { readonly x: number; readonly y: number }, wayX: number): number {
  const [ahead, aside] = wayX === 0 ? [y, x] : [x, y];
  return Math.abs(ahead) + Math.abs(aside) * 1_000;
}

interface Axes {
  readonly callers: readonly string[];
  readonly called: readonly string[];
  readonly at: (edge: CallsEdgeRow) => { readonly x: number; readonly y: number };
}

/** `service-9` before `service-10`. */
const byName = new Intl.Collator("en", { numeric: true });

/** Both ends in the order in which they hurt, then by name. */
function axes(edges: readonly CallsEdgeRow[]): Axes {
  const ordered = (end: "from" | "to"): readonly string[] =>
    [...Map.groupBy(edges, (edge) => edge[end])]
      .map(([id, own]) => ({ id, hurting: own.filter(({ hurts }) => hurts).length }))
      .sort((a, b) => b.hurting - a.hurting || byName.compare(a.id, b.id))
      .map(({ id }) => id);
  const [callers, called] = [ordered("from"), ordered("to")];
  const row = new Map(callers.map((id, index) => [id, index]));
  const column = new Map(called.map((id, index) => [id, index]));
  return { callers, called, at: ({ from, to }) => ({ x: column.get(to) ?? 0, y: row.get(from) ?? 0 }) };
}
