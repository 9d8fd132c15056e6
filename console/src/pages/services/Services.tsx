import { useMemo } from "react";
import type { ObjectState, TableRow } from "../../../../src/face/views/protocol.ts";
import { mayEdit } from "../../api/rights.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Changed } from "../../parts/Changed.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { NEW, NewObject } from "../../parts/manifest/NewObject.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { ServiceDrawer } from "./ServiceDrawer.tsx";

/** What a row holds, in this order. */
const PATHS = [".status.servedVersion", ".spec.replicas", ".status.readyReplicas", ".status.revision", ".status.servedRevision", ".spec.suspended"];
type Cells = readonly [string | null, number | null, number | null, string | null, string | null, boolean | null];

/** How is each service? A list, worst first; details beside it. */
export default function Services() {
  const t = useTexts("services");
  const [, setOpen] = useParam("open");
  return (
    <ListPage
      title={t("title")}
      searchHint={t("search")}
      resource="microservices"
      paths={PATHS}
      columns={useColumns()}
      empty={t("empty")}
      command="./orrery apply -f service.yaml"
      nothing={t("nothing")}
      actions={
        mayEdit("microservices", "create") && (
          <button type="button" className="button" onClick={() => setOpen(NEW, { isStep: true })}>
            {t("newService")}
          </button>
        )
      }
      drawer={(open, close) =>
        open === NEW ? (
          <NewObject kind="Microservice" resource="microservices" onClose={close} onMade={(name) => setOpen(`default/${name}`)} />
        ) : (
          <ServiceDrawer name={open} onClose={close} />
        )
      }
    />
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
