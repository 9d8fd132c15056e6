import { type ReactNode, useCallback, useDeferredValue, useMemo } from "react";
import type { TableRow, ViewRow } from "../../../src/face/views/protocol.ts";
import type { LiveView } from "../api/live.ts";
import { useParam } from "../frame/location.ts";
import { type Column, DataTable, type Sort, type TableWish } from "./DataTable.tsx";
import { PageHead } from "./PageHead.tsx";
import { StateFilter } from "./StateFilter.tsx";

interface ListPageProps {
  readonly title: string;
  /** What the page is for, in one sentence. */
  readonly sentence?: string;
  readonly searchHint: string;
  readonly resource: string;
  /** Values that each row holds, in this order. */
  readonly paths: readonly string[];
  readonly columns: readonly Column<TableRow>[];
  readonly empty: string;
  /** The command that brings the first one. */
  readonly command: string;
  /** Where somebody looks for something that is not there. */
  readonly nothing: string;
  readonly actions?: ReactNode;
  /** Between the head and the list. */
  readonly above?: ReactNode;
  /** Details of the row that is open: its key, as in the address. */
  readonly drawer: (open: string, close: () => void) => ReactNode;
  readonly onLive?: (live: LiveView<TableRow>) => void;
}

/** All objects of a kind, the worst first, and the details of one beside them. Search, state, order and what is open stand in the address. */
export function ListPage(props: ListPageProps) {
  const { title, sentence, searchHint, resource, paths, columns, empty, command, nothing, actions, above, drawer, onLive } = props;
  const [search, setSearch] = useParam("q");
  const [open, setOpen] = useParam("open");
  const [severity, setSeverity] = useParam("state");
  const [order, setOrder] = useParam("sort", "state");
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const wish: TableWish = useMemo(
    () => ({
      resource,
      columns: [...paths],
      ...(text !== "" && { search: text }),
      ...(severity !== "" && { filter: { state: severity.split(",") } }),
    }),
    [resource, paths, text, severity],
  );
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(row.key, { isStep: true }), [setOpen]);
  const isAll = text === "" && severity === "";
  const details = open === "" ? null : drawer(open, () => setOpen(""));
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={title} actions={actions}>
          {sentence}
        </PageHead>
        {above}
        <div className="tools">
          <input
            className="input search"
            type="search"
            data-search=""
            aria-label={searchHint}
            placeholder={searchHint}
            spellCheck={false}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          <StateFilter resource={resource} {...(text !== "" && { search: text })} value={severity} onChange={setSeverity} />
        </div>
        <DataTable<TableRow>
          label={title}
          wish={wish}
          columns={columns}
          sort={sort}
          onSort={onSort}
          openKey={open}
          onOpen={onOpen}
          empty={isAll ? empty : nothing}
          {...(isAll && { command })}
          {...(onLive !== undefined && { onLive })}
        />
      </div>
      {details}
    </div>
  );
}
