import { useCallback, useDeferredValue, useMemo } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useNow, useObject, useView } from "../../api/live.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { type Column, DataTable, type Sort, type TableWish } from "../../parts/DataTable.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { State } from "../../parts/State.tsx";
import { StateFilter } from "../../parts/StateFilter.tsx";
import { Until } from "../../parts/Until.tsx";
import { useTexts } from "../../texts/index.ts";
import { ApprovalDrawer } from "./ApprovalDrawer.tsx";

const PATHS = [
  ".spec.actions",
  ".spec.object",
  ".spec.by.name",
  ".spec.needs[*].role",
  ".spec.until",
  ".spec.reason",
  ".spec.call",
  ".metadata.creationTimestamp",
];
type Cells = readonly [
  actions: readonly string[] | null,
  object: { readonly kind: string; readonly name: string } | null,
  by: string | null,
  needs: readonly string[] | string | null,
  until: string | null,
  reason: string | null,
  call: string | null,
  createdAt: string | null,
];

interface FourEyesSite {
  readonly spec: {
    readonly fourEyes?: readonly {
      readonly name: string;
      readonly actions: readonly string[];
      readonly where?: string;
      readonly approvers: readonly string[];
    }[];
  };
}

/** What waits for a second person, and what did somebody do alone? */
export default function Approvals() {
  const t = useTexts("approvals");
  const [search, setSearch] = useParam("q");
  const [open, setOpen] = useParam("open");
  const [severity, setSeverity] = useParam("state");
  const [order, setOrder] = useParam("sort", "state");
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const wish: TableWish = useMemo(
    () => ({
      resource: "approvals",
      columns: PATHS,
      ...(text !== "" && { search: text }),
      ...(severity !== "" && { filter: { state: severity.split(",") } }),
    }),
    [text, severity],
  );
  const columns = useColumns();
  const waiting = useView<TableRow>({
    of: "objects",
    resource: "approvals",
    fields: "status.phase=Waiting",
    columns: [".spec.until"],
    offset: 0,
    limit: 500,
  });
  const now = useNow();
  const count = waiting.rows.filter(({ row }) => Date.parse(String(row.cells[0])) > now).length;
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(row.row.name, { isStep: true }), [setOpen]);
  const isAll = text === "" && severity === "";
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={t("title")} isStale={waiting.isStale}>
          {waiting.isLoading || waiting.error !== undefined ? "" : count === 0 ? t("noneWait") : t("wait", { count })}
        </PageHead>
        <Demanded />
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
          <StateFilter resource="approvals" {...(text !== "" && { search: text })} value={severity} onChange={setSeverity} />
        </div>
        <DataTable<TableRow>
          label={t("title")}
          wish={wish}
          columns={columns}
          sort={sort}
          onSort={onSort}
          openKey={open}
          onOpen={onOpen}
          empty={isAll ? t("empty") : t("nothing")}
        />
      </div>
      {open !== "" && <ApprovalDrawer name={open} onClose={() => setOpen("")} />}
    </div>
  );
}

/** What has to be approved on this site, and by whom. */
function Demanded() {
  const t = useTexts("approvals");
  const { object } = useObject<FourEyesSite>("sites", "site", "default");
  const rules = object?.spec.fourEyes ?? [];
  if (object === undefined) return null;
  if (rules.length === 0)
    return (
      <p className="quiet small">
        {t("nothingDemanded")} <code>spec.fourEyes</code>
      </p>
    );
  return (
    <details className="small">
      <summary>{t("demanded", { count: rules.length })}</summary>
      <ul>
        {rules.map(({ name, actions, where, approvers }) => (
          <li key={name}>
            <b>{name}</b>: {t("rule", { actions: actions.join(", "), where: where ?? t("wholeSite"), roles: approvers.join(" + ") })}
          </li>
        ))}
      </ul>
    </details>
  );
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("approvals");
  return useMemo(() => {
    const cells = ({ row }: ViewRow<TableRow>): Cells => row.cells as unknown as Cells;
    return [
      { id: "state", title: t("state"), width: "150px", sortBy: "state", cell: ({ row, ...rest }) => <RowState row={{ ...rest, row }} /> },
      {
        id: "what",
        title: t("what"),
        width: "auto",
        cell: (row) => {
          const [actions, object, , , , , call] = cells(row);
          return (
            <>
              <b className="name">{call ?? (actions ?? []).join(", ")}</b> <span className="quiet">{object?.kind}</span> <bdi>{object?.name}</bdi>
            </>
          );
        },
      },
      { id: "by", title: t("by"), width: "12%", sortBy: ".spec.by.name", cell: (row) => <bdi>{cells(row)[2] ?? "–"}</bdi> },
      { id: "needs", title: t("needs"), width: "14%", isExtra: true, cell: (row) => [cells(row)[3] ?? []].flat().join(", ") },
      { id: "why", title: t("why"), width: "20%", isExtra: true, cell: (row) => <bdi title={cells(row)[5] ?? ""}>{cells(row)[5] ?? ""}</bdi> },
      {
        id: "until",
        title: t("until"),
        width: "100px",
        isNumber: true,
        isExtra: true,
        sortBy: ".spec.until",
        cell: (row) => (row.row.state?.word === "Waiting" ? <Until at={Date.parse(cells(row)[4] ?? "")} /> : <span className="quiet">–</span>),
      },
      {
        id: "age",
        title: t("age"),
        width: "90px",
        isNumber: true,
        sortBy: ".metadata.creationTimestamp",
        cell: (row) => <Age at={Date.parse(cells(row)[7] ?? "")} />,
      },
    ];
  }, [t]);
}

/** Its state; of what nobody decided in time, that it is over. */
function RowState({ row: { row } }: { readonly row: ViewRow<TableRow> }) {
  const now = useNow();
  const isLate = row.state?.word === "Waiting" && Date.parse(String(row.cells[4])) <= now;
  return <State state={isLate ? { severity: "off", word: "Expired" } : row.state} />;
}
