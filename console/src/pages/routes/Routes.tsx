import { useMemo } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { mayEdit } from "../../api/rights.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import type { Column } from "../../parts/DataTable.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { NEW, NewObject } from "../../parts/manifest/NewObject.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { RouteDrawer } from "./RouteDrawer.tsx";
import { TryRequest } from "./TryRequest.tsx";

const PATHS: readonly string[] = [".spec.host", ".spec.path.exact", ".spec.path.prefix", ".spec.methods", ".spec.service", ".spec.tcp.port"];
type Cells = readonly [
  host: string | null,
  exact: string | null,
  prefix: string | null,
  methods: readonly string[] | null,
  service: string | null,
  tcp: number | null,
];

/** Which request goes where? */
export default function Routes() {
  const t = useTexts("routes");
  const [, setOpen] = useParam("open");
  const [path, setPath] = useParam("try");
  const columns = useMemo((): readonly Column<TableRow>[] => {
    const cells = (row: TableRow): Cells => row.cells as unknown as Cells;
    return [
      { id: "state", title: t("state"), width: "150px", sortBy: "state", cell: ({ row }) => <State state={row.state} /> },
      {
        id: "name",
        title: t("name"),
        width: "18%",
        sortBy: "name",
        cell: ({ row }) => (
          <b className="name">
            <Plain text={row.name} />
          </b>
        ),
      },
      {
        id: "match",
        title: t("matches"),
        width: "auto",
        sortBy: ".spec.path.prefix",
        cell: ({ row }) => {
          const [host, exact, prefix, methods, , tcp] = cells(row);
          if (tcp !== null) return <span className="mono">TCP :{tcp}</span>;
          return (
            <span className="mono">
              {methods !== null && methods.length > 0 && <span className="quiet">{methods.join(" ")} </span>}
              <Plain text={`${host ?? "*"}${exact ?? `${prefix ?? "/"}${(prefix ?? "/").endsWith("/") ? "…" : "/…"}`}`} />
            </span>
          );
        },
      },
      {
        id: "service",
        title: t("service"),
        width: "20%",
        sortBy: "service",
        isExtra: true,
        cell: ({ row }) => {
          const service = cells(row)[4];
          if (service === null) return "–";
          const to = linkTo(`/services?open=${row.namespace ?? "default"}/${encodeURIComponent(service)}`);
          return (
            <a
              href={to.href}
              onClick={(event) => {
                event.stopPropagation();
                to.onClick(event);
              }}
            >
              {service}
            </a>
          );
        },
      },
    ];
  }, [t]);
  return (
    <ListPage
      title={t("title")}
      sentence={t("sentence")}
      searchHint={t("search")}
      resource="routes"
      paths={PATHS}
      columns={columns}
      empty={t("empty")}
      command="./orrery apply -f route.yaml"
      nothing={t("nothing")}
      actions={
        <>
          {path === "" && (
            <button type="button" className="button" onClick={() => setPath("/", { isStep: true })}>
              {t("try")}
            </button>
          )}
          {mayEdit("routes", "create") && (
            <button type="button" className="button" onClick={() => setOpen(NEW, { isStep: true })}>
              {t("newRoute")}
            </button>
          )}
        </>
      }
      above={path === "" ? null : <TryRequest onClose={() => setPath("")} />}
      drawer={(open, close) =>
        open === NEW ? (
          <NewObject kind="Route" resource="routes" onClose={close} onMade={(name) => setOpen(`default/${name}`)} />
        ) : (
          <RouteDrawer name={open} onClose={close} />
        )
      }
    />
  );
}
