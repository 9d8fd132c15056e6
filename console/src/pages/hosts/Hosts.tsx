import { useCallback, useMemo, useState } from "react";
import type { CountRow, TableRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useView } from "../../api/live.ts";
import { Age } from "../../parts/Age.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { HostDrawer } from "./HostDrawer.tsx";
import { Part, type SeenUse } from "./Part.tsx";
import { readUse } from "./use.ts";

const PATHS: readonly string[] = [".spec.cordoned"];
const NO_KEYS: readonly string[] = [];

/** How are the machines, and have they room? */
export default function Hosts() {
  const t = useTexts("hosts");
  const [keys, setKeys] = useState(NO_KEYS);
  const told = useView<{ readonly value: unknown }>(keys.length === 0 ? undefined : { of: "topic", topic: "hosts", keys: [...keys], limit: 1_000 });
  const counts = useView<CountRow>({ of: "counts", resource: "instances", by: "host", limit: 1_000 });
  const uses = useMemo(
    () =>
      new Map(
        told.rows.map(({ key, row, seen }): [string, SeenUse] => [
          key,
          { use: readUse(row.value), atMs: seen === undefined ? undefined : Date.parse(seen.at) },
        ]),
      ),
    [told.rows],
  );
  const instances = useMemo(() => new Map(counts.rows.map(({ row }) => [row.value, row.count])), [counts.rows]);
  const onLive = useCallback((live: LiveView<TableRow>) => {
    const next = live.rows.map(({ row }) => row.name);
    setKeys((before) => (before.length === next.length && before.every((key, index) => key === next[index]) ? before : next));
  }, []);
  const columns = useMemo(
    (): readonly Column<TableRow>[] => [
      { id: "state", title: t("state"), width: "150px", sortBy: "state", cell: ({ row }) => <State state={row.state} /> },
      {
        id: "name",
        title: t("name"),
        width: "auto",
        sortBy: "name",
        cell: ({ row }) => (
          <>
            <b className="name">
              <Plain text={row.name} />
            </b>
            {row.cells[0] === true && <span className="quiet"> {t("cordoned")}</span>}
          </>
        ),
      },
      { id: "instances", title: t("instances"), width: "92px", isNumber: true, cell: ({ row }) => instances.get(row.name) ?? 0 },
      ...(["cpu", "memory", "disk"] as const).map(
        (what): Column<TableRow> => ({
          id: what,
          title: t(what),
          width: "120px",
          isNumber: true,
          isExtra: true,
          cell: ({ row }) => <Part part={uses.get(row.name)?.use[what]} atMs={uses.get(row.name)?.atMs} />,
        }),
      ),
      {
        id: "seen",
        title: t("seen"),
        width: "9%",
        isNumber: true,
        isExtra: true,
        cell: ({ row, seen }) => <Age at={uses.get(row.name)?.atMs ?? Date.parse(seen?.at ?? "")} />,
      },
    ],
    [t, uses, instances],
  );
  return (
    <ListPage
      title={t("title")}
      searchHint={t("search")}
      resource="hosts"
      paths={PATHS}
      columns={columns}
      empty={t("empty")}
      command="./orrery up"
      nothing={t("nothing")}
      onLive={onLive}
      drawer={(open, close) => <HostDrawer name={open} onClose={close} />}
    />
  );
}
