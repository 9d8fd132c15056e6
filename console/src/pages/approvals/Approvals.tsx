import { useMemo } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useNow, useObject, useView } from "../../api/live.ts";
import { reachOf } from "../../api/reach.ts";
import { session } from "../../api/session.ts";
import { Age } from "../../parts/Age.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { State } from "../../parts/State.tsx";
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
  return (
    <ListPage
      title={t("title")}
      sentence={
        waiting.isLoading || waiting.error !== undefined || (count === 0 && !reachOf(session.me?.rules, "approvals").isWhole)
          ? ""
          : count === 0
            ? t("noneWait")
            : t("wait", { count })
      }
      isStale={waiting.isStale}
      searchHint={t("search")}
      resource="approvals"
      paths={PATHS}
      columns={useColumns()}
      above={<Demanded />}
      empty={t("empty")}
      nothing={t("nothing")}
      drawer={(open, close) => <ApprovalDrawer name={open} onClose={close} />}
    />
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
