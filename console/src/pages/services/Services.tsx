import { useCallback, useDeferredValue, useMemo } from "react";
import type { ObjectState, TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Changed } from "../../parts/Changed.tsx";
import { type Column, DataTable, type Sort, type TableWish } from "../../parts/DataTable.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { State } from "../../parts/State.tsx";
import { StateFilter } from "../../parts/StateFilter.tsx";
import { useTexts } from "../../texts/index.ts";
import { ServiceDrawer } from "./ServiceDrawer.tsx";

/** What a row holds, in this order. */
const PATHS = [".status.servedVersion", ".spec.replicas", ".status.readyReplicas", ".status.revision", ".status.servedRevision", ".spec.suspended"];
type Cells = readonly [string | null, number | null, number | null, string | null, string | null, boolean | null];

/** How is each service? A list, worst first; details beside it. */
export default function Services() {
  const t = useTexts("services");
  const [search, setSearch] = useParam("q");
  const [open, setOpen] = useParam("open");
  const [severity, setSeverity] = useParam("state");
  const [order, setOrder] = useParam("sort", "state");
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const wish: TableWish = useMemo(
    () => ({
      resource: "microservices",
      columns: PATHS,
      ...(text !== "" && { search: text }),
      ...(severity !== "" && { filter: { state: severity.split(",") } }),
    }),
    [text, severity],
  );
  const columns = useColumns();
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(`${row.row.namespace ?? "default"}/${row.row.name}`, { isStep: true }), [setOpen]);
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={t("title")} />
        <div className="tools">
          <input
            className="input search"
            type="search"
            data-search=""
            aria-label={t("search")}
            placeholder={t("search")}
            spellCheck={false}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          <StateFilter resource="microservices" {...(text !== "" && { search: text })} value={severity} onChange={setSeverity} />
        </div>
        <DataTable<TableRow>
          label={t("title")}
          wish={wish}
          columns={columns}
          sort={sort}
          onSort={onSort}
          openKey={open}
          onOpen={onOpen}
          empty={text === "" && severity === "" ? t("empty") : t("nothing")}
          {...(text === "" && severity === "" && { command: "./orrery apply -f service.yaml" })}
        />
      </div>
      {open !== "" && <ServiceDrawer name={open} onClose={() => setOpen("")} />}
    </div>
  );
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("services");
  return useMemo(
    () => [
      { id: "state", title: t("state"), width: "140px", sortBy: "state", cell: ({ row }) => <State state={row.state as ObjectState | undefined} /> },
      { id: "name", title: t("name"), width: "auto", sortBy: "name", cell: ({ row }) => <b className="name">{row.name}</b> },
      {
        id: "version",
        title: t("version"),
        width: "24%",
        isExtra: true,
        sortBy: ".status.servedVersion",
        cell: ({ row }) => <Version cells={row.cells as unknown as Cells} />,
      },
      {
        id: "instances",
        title: t("instances"),
        width: "84px",
        isNumber: true,
        sortBy: ".status.readyReplicas",
        cell: ({ row }) => <Ready cells={row.cells as unknown as Cells} />,
      },
      {
        id: "since",
        title: t("since"),
        width: "9%",
        isNumber: true,
        isExtra: true,
        cell: ({ row }) => (row.state?.since === undefined ? <span className="quiet">–</span> : <Age at={Date.parse(row.state.since)} />),
      },
      {
        id: "seen",
        title: t("seen"),
        width: "9%",
        isNumber: true,
        isExtra: true,
        cell: ({ seen }) => (seen === undefined ? <span className="quiet">–</span> : <Age at={Date.parse(seen.at)} />),
      },
    ],
    [t],
  );
}

function Version({ cells: [served, , , revision, servedRevision] }: { readonly cells: Cells }) {
  const t = useTexts("services");
  if (served === null) return <span className="quiet">–</span>;
  const isChanging = revision !== null && servedRevision !== null && revision !== servedRevision;
  return (
    <>
      <Changed value={served} />
      {isChanging && <span className="quiet"> {t("anotherComes")}</span>}
    </>
  );
}

function Ready({ cells: [, wanted, ready, , , isSuspended] }: { readonly cells: Cells }) {
  const isOff = isSuspended === true || wanted === 0;
  const isShort = !isOff && (ready ?? 0) < (wanted ?? 0);
  return (
    <Changed value={`${ready}/${wanted}`}>
      <span className={isShort ? "is-short" : isOff ? "quiet" : undefined}>
        {ready ?? "?"}
        <span className="quiet">&#8201;/&#8201;{wanted ?? "?"}</span>
      </span>
    </Changed>
  );
}
