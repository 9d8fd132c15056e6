import { type ReactNode, useCallback, useMemo } from "react";
import type { TableRow, ViewRow } from "../../../src/face/views/protocol.ts";
import type { LiveView } from "../api/live.ts";
import { Guard } from "../frame/Guard.tsx";
import { useParam } from "../frame/location.ts";
import { type Column, DataTable, type TableWish } from "./DataTable.tsx";
import { PageHead } from "./PageHead.tsx";
import { SearchField } from "./SearchField.tsx";
import { StateFilter } from "./StateFilter.tsx";
import { useList } from "./useList.ts";

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
  readonly command?: string;
  /** Where somebody looks for something that is not there. */
  readonly nothing: string;
  readonly actions?: ReactNode;
  /** What the sentence is about was not seen for a while. */
  readonly isStale?: boolean;
  /** The first order: a column, or `-` and one. Default: the worst first. */
  readonly order?: string;
  /** Choices before the search. */
  readonly lead?: ReactNode;
  /** Further choices beside the search, and what they choose. The same value as long as that stays. */
  readonly tools?: ReactNode;
  readonly filter?: Readonly<Record<string, readonly string[]>>;
  /** False: its objects are in no state. */
  readonly hasState?: boolean;
  /** Between the head and the list. */
  readonly above?: ReactNode;
  /** Details of the row that is open: its key, as in the address. */
  readonly drawer: (open: string, close: () => void) => ReactNode;
  readonly onLive?: (live: LiveView<TableRow>) => void;
}

const NO_FILTER = {};

/** All objects of a kind, the worst first, and the details of one beside them. Search, state, order and what is open stand in the address. */
export function ListPage(props: ListPageProps) {
  const { title, sentence, searchHint, resource, paths, columns, empty, command, nothing, actions, isStale = false, above, drawer, onLive } = props;
  const { order: firstOrder = "state", lead, tools, filter = NO_FILTER, hasState = true } = props;
  const { search, setSearch, text, sort, onSort, open, setOpen } = useList(firstOrder);
  const [severity, setSeverity] = useParam("state");
  const wish: TableWish = useMemo(() => {
    const chosen = { ...filter, ...(severity !== "" && { state: severity.split(",") }) };
    return { resource, columns: [...paths], ...(text !== "" && { search: text }), ...(Object.keys(chosen).length > 0 && { filter: chosen }) };
  }, [resource, paths, text, severity, filter]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(row.key, { isStep: true }), [setOpen]);
  const isAll = text === "" && severity === "" && Object.keys(filter).length === 0;
  const details = open === "" ? null : drawer(open, () => setOpen(""));
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={title} actions={actions} isStale={isStale}>
          {sentence}
        </PageHead>
        {above}
        <div className="tools">
          {lead}
          <SearchField hint={searchHint} value={search} onChange={setSearch} />
          {tools}
          {hasState && <StateFilter resource={resource} {...(text !== "" && { search: text })} value={severity} onChange={setSeverity} />}
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
          {...(isAll && command !== undefined && { command })}
          {...(onLive !== undefined && { onLive })}
        />
      </div>
      {details !== null && (
        <Guard key={open} of="part" onClose={() => setOpen("")}>
          {details}
        </Guard>
      )}
    </div>
  );
}
