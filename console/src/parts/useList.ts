import { useCallback, useDeferredValue, useMemo } from "react";
import { useParam } from "../frame/location.ts";
import type { Sort } from "./DataTable.tsx";

/** What is looked for in a list, in which order, and which row is open: as the address has it. */
export interface ListState {
  readonly search: string;
  readonly setSearch: (search: string) => void;
  /** What is asked of the server: a moment behind what is typed, where the page has other things to do. */
  readonly text: string;
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  /** Key of the row whose details are open; empty: none. */
  readonly open: string;
  readonly setOpen: (open: string, options?: { readonly isStep?: boolean }) => void;
}

/** `firstOrder`: a column, or `-` and one; empty: as the server likes it. */
export function useList(firstOrder: string): ListState {
  const [search, setSearch] = useParam("q");
  const [open, setOpen] = useParam("open");
  const [order, setOrder] = useParam("sort", firstOrder);
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  return { search, setSearch, text, sort, onSort, open, setOpen };
}
