import { useMemo } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { Age } from "../../parts/Age.tsx";
import { Changed } from "../../parts/Changed.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { GatewayDrawer } from "./GatewayDrawer.tsx";
import { newestOf, readReport, type Told } from "./report.ts";

const PATHS: readonly string[] = [".spec.host", ".spec.roles", ".status.edgeAddress"];

/** Has each gateway the newest table, and what goes through it? */
export default function Gateways() {
  const t = useTexts("gateways");
  const live = useView<{ readonly value: unknown }>({ of: "topic", topic: "gateways", limit: 1_000 });
  const told = useMemo(() => new Map(live.rows.map(({ key, row }): [string, Told] => [key, readReport(row.value)])), [live.rows]);
  const newest = useMemo(() => newestOf([...told.values()]), [told]);
  const columns = useMemo(
    (): readonly Column<TableRow>[] => [
      { id: "state", title: t("state"), width: "150px", sortBy: "state", cell: ({ row }) => <State state={row.state} /> },
      {
        id: "name",
        title: t("name"),
        width: "auto",
        sortBy: "name",
        cell: ({ row }) => (
          <b className="name">
            <Plain text={row.name} />
          </b>
        ),
      },
      {
        id: "host",
        title: t("host"),
        width: "16%",
        isExtra: true,
        sortBy: ".spec.host",
        cell: ({ row }) => <Plain text={String(row.cells[0] ?? "–")} />,
      },
      {
        id: "roles",
        title: t("roles"),
        width: "14%",
        isExtra: true,
        cell: ({ row }) =>
          rolesOf(row.cells[1])
            .map((role) => t(`role.${role}`))
            .join(", "),
      },
      { id: "edge", title: t("edge"), width: "16%", isExtra: true, cell: ({ row }) => <span className="mono">{String(row.cells[2] ?? "–")}</span> },
      {
        id: "table",
        title: t("table"),
        width: "110px",
        isNumber: true,
        cell: ({ row }) => {
          const version = told.get(row.name)?.version;
          if (version === undefined) return <span className="quiet">–</span>;
          return (
            <Changed value={version}>
              {version}
              {newest !== undefined && version !== newest && <span className="is-short"> {t("behind")}</span>}
            </Changed>
          );
        },
      },
      {
        id: "open",
        title: t("open"),
        width: "92px",
        isNumber: true,
        isExtra: true,
        cell: ({ row }) => told.get(row.name)?.open ?? <span className="quiet">–</span>,
      },
      {
        id: "seen",
        title: t("seen"),
        width: "9%",
        isNumber: true,
        isExtra: true,
        cell: ({ row, seen }) => <Age at={Date.parse(live.rows.find(({ key }) => key === row.name)?.seen?.at ?? seen?.at ?? "")} />,
      },
    ],
    [t, told, newest, live.rows],
  );
  return (
    <ListPage
      title={t("title")}
      {...(newest !== undefined && { sentence: t("sentence", { version: newest }) })}
      searchHint={t("search")}
      resource="gateways"
      paths={PATHS}
      columns={columns}
      empty={t("empty")}
      command="./orrery up"
      nothing={t("nothing")}
      drawer={(open, close) => <GatewayDrawer name={open} newest={newest} onClose={close} />}
    />
  );
}

/** Of a gateway; those that this console knows. */
export function rolesOf(cell: unknown): readonly ("edge" | "host")[] {
  return (Array.isArray(cell) ? cell : []).filter((one) => one === "edge" || one === "host");
}
