import { useCallback, useMemo, useState } from "react";
import type { CountRow, ObjectState, TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useView } from "../../api/live.ts";
import { mayEdit } from "../../api/rights.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Changed } from "../../parts/Changed.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { FacetSelect } from "../../parts/FacetSelect.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { NEW, NewObject } from "../../parts/manifest/NewObject.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { ResourceDrawer } from "./ResourceDrawer.tsx";
import { type LiveObservation, newestOf, RESOURCE_PATHS, type ResourceCells, summaryOf } from "./resource.ts";
import "./resources.css";

const TYPES = ["human", "machine", "thing"] as const;

/** What do we have, how is it? People, machines and things, by type, place and capability. */
export default function Resources() {
  const t = useTexts("resources");
  const [, setOpen] = useParam("open");
  const [type, setType] = useParam("type");
  const [place, setPlace] = useParam("place");
  const [capability, setCapability] = useParam("capability");
  const filter = useMemo(
    () => ({
      ...(type !== "" && { type: [type] }),
      ...(place !== "" && { place: [place] }),
      ...(capability !== "" && { capability: [capability] }),
    }),
    [type, place, capability],
  );
  const [keys, setKeys] = useState<readonly string[]>([]);
  const observations = useView<LiveObservation>(
    keys.length === 0 ? undefined : { of: "topic", topic: "observations", keys: [...keys], limit: 1_000 },
  );
  const latest = useMemo(() => new Map(observations.rows.map(({ key, row }) => [key, row.value])), [observations.rows]);
  const onLive = useCallback((live: LiveView<TableRow>) => {
    const next = live.rows.map(({ key }) => key);
    setKeys((before) => (before.length === next.length && before.every((key, index) => key === next[index]) ? before : next));
  }, []);
  return (
    <ListPage
      title={t("title")}
      sentence={t("about")}
      searchHint={t("search")}
      resource="resources"
      paths={RESOURCE_PATHS}
      columns={useColumns(latest)}
      filter={filter}
      tools={
        <>
          <TypeFilter value={type} onChange={setType} />
          <FacetSelect label={t("place")} resource="resources" by="place" value={place} all={t("anyPlace")} onChange={setPlace} />
          <FacetSelect
            label={t("capability")}
            resource="resources"
            by="capability"
            value={capability}
            all={t("anyCapability")}
            onChange={setCapability}
          />
        </>
      }
      onLive={onLive}
      actions={
        mayEdit("resources", "create") && (
          <button type="button" className="button" onClick={() => setOpen(NEW, { isStep: true })}>
            {t("newResource")}
          </button>
        )
      }
      empty={t("empty")}
      command="./orrery apply -f resources.yaml"
      nothing={t("nothing")}
      drawer={(open, close) =>
        open === NEW ? (
          <NewObject kind="Resource" resource="resources" onClose={close} onMade={(name) => setOpen(`default/${name}`)} />
        ) : (
          <ResourceDrawer name={open} onClose={close} onCapability={setCapability} onPlace={setPlace} />
        )
      }
    />
  );
}

/** People, machines or things; another press shows all again. */
function TypeFilter({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const t = useTexts("resources");
  const { rows } = useView<CountRow>({ of: "counts", resource: "resources", by: "type" });
  return (
    <span className="choice" role="group" aria-label={t("type")}>
      {TYPES.map((type) => (
        <button key={type} type="button" aria-pressed={value === type} onClick={() => onChange(value === type ? "" : type)}>
          {t(`types.${type}`)} <b>{rows.find(({ row }) => row.value === type)?.row.count ?? 0}</b>
        </button>
      ))}
    </span>
  );
}

type Latest = ReadonlyMap<string, LiveObservation["value"]>;
const cellsOf = (row: TableRow): ResourceCells => row.cells as unknown as ResourceCells;

function observedIn({ key, row }: ViewRow<TableRow>, latest: Latest): ReturnType<typeof newestOf> {
  const [, , , , observed, observedAt] = cellsOf(row);
  return newestOf({ observed: observed ?? undefined, atMs: observedAt === null ? undefined : Date.parse(observedAt) }, latest.get(key));
}

function useColumns(latest: Latest): readonly Column<TableRow>[] {
  const t = useTexts("resources");
  return useMemo(
    () => [
      { id: "state", title: t("state"), width: "150px", sortBy: "state", cell: ({ row }) => <State state={row.state as ObjectState | undefined} /> },
      {
        id: "name",
        title: t("name"),
        width: "auto",
        sortBy: "name",
        cell: ({ row }) => {
          const [displayName] = cellsOf(row);
          return (
            <>
              <b className="name">
                <Plain text={displayName ?? row.name} />
              </b>
              {displayName !== null && <span className="quiet"> {row.name}</span>}
            </>
          );
        },
      },
      {
        id: "type",
        title: t("type"),
        width: "9%",
        isExtra: true,
        sortBy: "type",
        cell: ({ row }) => {
          const [, type] = cellsOf(row);
          return <span className="quiet">{type === null ? "–" : t(`one.${type}`)}</span>;
        },
      },
      { id: "place", title: t("place"), width: "14%", sortBy: "place", isExtra: true, cell: ({ row }) => <Plain text={cellsOf(row)[2] ?? "–"} /> },
      {
        id: "capability",
        title: t("capabilities"),
        width: "15%",
        isExtra: true,
        cell: ({ row }) => <span className="quiet">{(cellsOf(row)[3] ?? []).join(", ")}</span>,
      },
      {
        id: "observed",
        title: t("observed"),
        width: "18%",
        isExtra: true,
        cell: (one) => {
          const text = summaryOf(observedIn(one, latest).observed);
          return (
            <Changed value={text}>
              <Plain text={text === "" ? "–" : text} />
            </Changed>
          );
        },
      },
      {
        id: "age",
        title: t("age"),
        width: "84px",
        isNumber: true,
        sortBy: ".status.observedAt",
        cell: (one) => {
          const { atMs } = observedIn(one, latest);
          return atMs === undefined ? <span className="quiet">–</span> : <Age at={atMs} />;
        },
      },
    ],
    [t, latest],
  );
}
