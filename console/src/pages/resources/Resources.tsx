import { useCallback, useDeferredValue, useMemo, useState } from "react";
import type { CountRow, ObjectState, TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useView } from "../../api/live.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Changed } from "../../parts/Changed.tsx";
import { type Column, DataTable, type Sort, type TableWish } from "../../parts/DataTable.tsx";
import { FacetSelect } from "../../parts/FacetSelect.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { State } from "../../parts/State.tsx";
import { StateFilter } from "../../parts/StateFilter.tsx";
import { useTexts } from "../../texts/index.ts";
import { ResourceDrawer } from "./ResourceDrawer.tsx";
import { type LiveObservation, newestOf, RESOURCE_PATHS, type ResourceCells, summaryOf } from "./resource.ts";
import "./resources.css";

const TYPES = ["human", "machine", "thing"] as const;

/** What do we have, how is it? People, machines and things, by type, place and capability. */
export default function Resources() {
  const t = useTexts("resources");
  const [search, setSearch] = useParam("q");
  const [open, setOpen] = useParam("open");
  const [severity, setSeverity] = useParam("state");
  const [type, setType] = useParam("type");
  const [place, setPlace] = useParam("place");
  const [capability, setCapability] = useParam("capability");
  const [order, setOrder] = useParam("sort", "state");
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const wish: TableWish = useMemo(() => {
    const filter = {
      ...(severity !== "" && { state: severity.split(",") }),
      ...(type !== "" && { type: [type] }),
      ...(place !== "" && { place: [place] }),
      ...(capability !== "" && { capability: [capability] }),
    };
    return {
      resource: "resources",
      columns: [...RESOURCE_PATHS],
      ...(text !== "" && { search: text }),
      ...(Object.keys(filter).length > 0 && { filter }),
    };
  }, [text, severity, type, place, capability]);
  const [keys, setKeys] = useState<readonly string[]>([]);
  const observations = useView<LiveObservation>(
    keys.length === 0 ? undefined : { of: "topic", topic: "observations", keys: [...keys], limit: 1_000 },
  );
  const latest = useMemo(() => new Map(observations.rows.map(({ key, row }) => [key, row.value])), [observations.rows]);
  const onLive = useCallback((live: LiveView<TableRow>) => {
    const next = live.rows.map(({ key }) => key);
    setKeys((before) => (before.length === next.length && before.every((key, index) => key === next[index]) ? before : next));
  }, []);
  const columns = useColumns(latest);
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(row.key, { isStep: true }), [setOpen]);
  const isAll = [text, severity, type, place, capability].every((one) => one === "");
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={t("title")}>{t("about")}</PageHead>
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
          <StateFilter resource="resources" {...(text !== "" && { search: text })} value={severity} onChange={setSeverity} />
        </div>
        <DataTable<TableRow>
          label={t("title")}
          wish={wish}
          columns={columns}
          sort={sort}
          onSort={onSort}
          openKey={open}
          onOpen={onOpen}
          onLive={onLive}
          empty={isAll ? t("empty") : t("nothing")}
          {...(isAll && { command: "./orrery apply -f resources.yaml" })}
        />
      </div>
      {open !== "" && <ResourceDrawer name={open} onClose={() => setOpen("")} onCapability={setCapability} onPlace={setPlace} />}
    </div>
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
      { id: "state", title: t("state"), width: "14%", sortBy: "state", cell: ({ row }) => <State state={row.state as ObjectState | undefined} /> },
      {
        id: "name",
        title: t("name"),
        width: "22%",
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
        width: "8%",
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
