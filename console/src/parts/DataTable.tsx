import { type KeyboardEvent, memo, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { CallTableView, ObjectsView, ViewRow, ViewWish } from "../../../src/face/views/protocol.ts";
import { type LiveView, useView } from "../api/live.ts";
import { Icon } from "../frame/icons.tsx";
import { useTexts } from "../texts/index.ts";
import "./data-table.css";
import { type RowWindow, serves, windowAt } from "./rows.ts";
import { Standing } from "./Standing.tsx";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** Of 100: how much of the width it gets beside the others; `px` for a fixed one. */
  readonly width: string;
  readonly isNumber?: boolean;
  /** What the server sorts by; absent: it does not. */
  readonly sortBy?: string;
  /** Left out where there is little room. */
  readonly isExtra?: boolean;
  readonly cell: (row: ViewRow<Row>) => ReactNode;
}

export interface Sort {
  readonly by: string;
  readonly descending: boolean;
}

type Decided = "offset" | "limit" | "sort";

/** A view of objects, or of calls, without what the table itself decides: the window and the order. */
export type TableWish =
  | (Omit<Partial<ObjectsView>, "of" | Decided> & Pick<ObjectsView, "resource">)
  | (Omit<Partial<CallTableView>, Decided> & Pick<CallTableView, "of">);

interface DataTableProps<Row> {
  readonly label: string;
  readonly wish: TableWish;
  readonly columns: readonly Column<Row>[];
  /** `by` empty: as the server likes it. */
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  /** Key of the row whose details are open. */
  readonly openKey?: string;
  readonly onOpen?: (row: ViewRow<Row>) => void;
  readonly empty: ReactNode;
  readonly command?: string;
  readonly onLive?: (live: LiveView<Row>) => void;
}

/** A long list: searched, sorted and cut by the server; the page holds what it shows. Arrow keys move, Enter opens. */
export function DataTable<Row>({ label, wish, columns, sort, onSort, openKey, onOpen, empty, command, onLive }: DataTableProps<Row>) {
  const t = useTexts("frame");
  const box = useRef<HTMLDivElement>(null);
  const [rowHeight, setRowHeight] = useState(32);
  const [range, setRange] = useState<RowWindow>(() => windowAt(0, innerHeight, 32));
  const [active, setActive] = useState(0);
  const live = useView<Row>({ of: "objects", ...wish, ...(sort.by !== "" && { sort }), ...range } as ViewWish);
  useEffect(() => {
    onLive?.(live);
  }, [live, onLive]);

  const measure = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const height = Number.parseFloat(getComputedStyle(element).getPropertyValue("--row")) || 32;
    setRowHeight(height);
    const next = windowAt(element.scrollTop, element.clientHeight, height);
    setRange((former) => (serves(former, next) ? former : next));
  }, []);
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [measure]);
  const wishKey = JSON.stringify([wish, sort]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question begins at its top
  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
    setActive(0);
  }, [wishKey]);

  const offset = live.copy?.offset ?? 0;
  const after = Math.max(0, live.total - offset - live.rows.length);
  const activeIndex = Math.min(active, Math.max(0, live.total - 1));

  const onKey = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 400) / rowHeight) - 2);
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -live.total, End: live.total };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(Math.max(0, live.total - 1), Math.max(0, activeIndex + step));
    setActive(next);
    const element = box.current;
    if (element === null) return;
    const head = rowHeight;
    const top = next * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + head + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + head + rowHeight - element.clientHeight;
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true }));
  };
  const choose = useCallback(
    (row: ViewRow<Row>) => {
      setActive(row.index);
      onOpen?.(row);
    },
    [onOpen],
  );
  const sortBy = (by: string): void => onSort(sort.by === by ? { by, descending: !sort.descending } : { by, descending: false });

  return (
    <Standing live={live} empty={empty} resource={"resource" in wish ? wish.resource : "microservices"} {...(command !== undefined && { command })}>
      <div ref={box} className={`data-table${live.isStale ? " is-stale" : ""}`} onScroll={measure}>
        <table role="grid" aria-label={label} aria-rowcount={live.total + 1} aria-busy={live.isMoving === true} onKeyDown={onKey}>
          <colgroup>
            {columns.map(({ id, width, isExtra }) => (
              <col key={id} className={isExtra === true ? "is-extra" : undefined} style={{ width }} />
            ))}
          </colgroup>
          <thead>
            <tr>
              {columns.map(({ id, title, sortBy: by, isNumber, isExtra }) => {
                const isSorted = by !== undefined && sort.by === by;
                return (
                  <th
                    key={id}
                    scope="col"
                    className={[isNumber === true ? "number" : "", isExtra === true ? "is-extra" : ""].join(" ").trim() || undefined}
                    aria-sort={isSorted ? (sort.descending ? "descending" : "ascending") : undefined}
                  >
                    {by === undefined ? (
                      title
                    ) : (
                      <button type="button" onClick={() => sortBy(by)}>
                        <span className="clip">{title}</span>
                        {isSorted && <Icon name={sort.descending ? "down" : "up"} />}
                      </button>
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {offset > 0 && <tr aria-hidden="true" style={{ height: offset * rowHeight }} />}
            {live.rows.map((row) => (
              <Row
                key={row.key}
                row={row}
                columns={columns as readonly Column<unknown>[]}
                isOpen={row.key === openKey}
                isActive={row.index === activeIndex}
                onChoose={choose as (row: ViewRow<unknown>) => void}
              />
            ))}
            {after > 0 && <tr aria-hidden="true" style={{ height: after * rowHeight }} />}
          </tbody>
        </table>
      </div>
      <p className="only-read" role="status">
        {t("rows", { count: live.total })}
      </p>
    </Standing>
  );
}

interface RowProps {
  readonly row: ViewRow<unknown>;
  readonly columns: readonly Column<unknown>[];
  readonly isOpen: boolean;
  /** Tab leads to it. */
  readonly isActive: boolean;
  readonly onChoose: (row: ViewRow<unknown>) => void;
}

/** Drawn anew when it changes, not with each change of another: of a thousand a second most are of others. */
const Row = memo(function Row({ row, columns, isOpen, isActive, onChoose }: RowProps) {
  return (
    <tr
      data-index={row.index}
      aria-rowindex={row.index + 2}
      aria-selected={isOpen}
      tabIndex={isActive ? 0 : -1}
      onClick={() => onChoose(row)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.target === event.currentTarget) onChoose(row);
      }}
    >
      {columns.map(({ id, cell, isNumber, isExtra }) => (
        <td key={id} className={["clip", isNumber === true ? "number" : "", isExtra === true ? "is-extra" : ""].join(" ").trim()}>
          {cell(row)}
        </td>
      ))}
    </tr>
  );
});
