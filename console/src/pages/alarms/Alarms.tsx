import { useMemo, useState } from "react";
import type { CountRow, TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useNotice, useView } from "../../api/live.ts";
import { isLoud } from "../../frame/bell.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { ListPage } from "../../parts/ListPage.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { AlarmDrawer } from "./AlarmDrawer.tsx";
import { type Chosen, type Operation, SELECTIONS } from "./alarm.ts";
import "./alarms.css";
import { Flood } from "./Flood.tsx";
import { Operate } from "./Operate.tsx";
import { useAlarmWords } from "./words.ts";

const PATHS = [
  ".status.severity",
  ".spec.resource.kind",
  ".spec.resource.name",
  ".status.text",
  ".status.raisedAt",
  ".status.operator.by",
  ".status.occurrence",
  ".status.unobservedSince",
  ".spec.type",
];
type Cells = readonly [
  severity: string | null,
  kind: string | null,
  name: string | null,
  text: string | null,
  raisedAt: string | null,
  by: string | null,
  occurrence: number | null,
  unobservedSince: string | null,
  type: string | null,
];
const cellsOf = (row: TableRow): Cells => row.cells as unknown as Cells;

const BULK: Readonly<Record<string, readonly Operation[]>> = {
  active: ["acknowledge", "shelve", "close"],
  shelved: ["unshelve"],
  suppressed: [],
  history: [],
};

/** What is not as it should be, what nobody has acknowledged first; what is shelved, suppressed and over stands apart. */
export default function Alarms() {
  const t = useTexts("alarms");
  const [which, setWhich] = useParam("which", "active");
  const [live, setLive] = useState<LiveView<TableRow>>();
  const deeds = useDeed(live);
  const counts = useView<CountRow>({ of: "counts", resource: "alarms", by: ".status.stands", limit: 20 });
  const stands = SELECTIONS[which] ?? SELECTIONS["active"] ?? [];
  const filter = useMemo(() => ({ ".status.stands": [...(SELECTIONS[which] ?? SELECTIONS["active"] ?? [])] }), [which]);
  const countOf = (words: readonly string[]): number => counts.rows.reduce((sum, { row }) => sum + (words.includes(row.value) ? row.count : 0), 0);
  const unacknowledged = countOf(["Unacknowledged"]);
  const chosen: readonly Chosen[] = (live?.rows ?? []).flatMap(({ row }) => {
    const [severity, , , , , , occurrence] = cellsOf(row);
    const isMeant = which !== "active" || row.state?.word !== "Acknowledged";
    return isMeant ? [{ name: row.name, occurrence: occurrence ?? undefined, severity: severity ?? undefined }] : [];
  });
  return (
    <ListPage
      title={t("title")}
      sentence={counts.isLoading ? "" : unacknowledged === 0 ? t("noneNew") : t("new", { count: unacknowledged })}
      isStale={counts.isStale}
      actions={<Operate chosen={chosen} operations={BULK[which] ?? []} deeds={deeds} />}
      above={
        <>
          <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
          <Flood />
        </>
      }
      searchHint={t("search")}
      resource="alarms"
      paths={PATHS}
      columns={useColumns()}
      order=".status.rank"
      lead={
        <label className="field is-inline">
          <span className="only-read">{t("which")}</span>
          <select className="input" value={which} onChange={(event) => setWhich(event.target.value)}>
            {Object.keys(SELECTIONS).map((one) => (
              <option key={one} value={one}>
                {`${t(`selections.${one}`)} (${countOf(SELECTIONS[one] ?? [])})`}
              </option>
            ))}
          </select>
        </label>
      }
      tools={<Loud />}
      filter={filter}
      hasState={false}
      empty={t(`empty.${stands === SELECTIONS["active"] ? "active" : which}`)}
      nothing={t(`empty.${stands === SELECTIONS["active"] ? "active" : which}`)}
      drawer={(open, close) => <AlarmDrawer name={open} onClose={close} />}
      onLive={setLive}
    />
  );
}

/** Whether a new alarm is heard. */
function Loud() {
  const t = useTexts("alarms");
  const loud = useNotice(isLoud);
  return (
    <label className="small">
      <input type="checkbox" checked={loud} onChange={(event) => isLoud.set(event.target.checked)} /> {t("sound")}
    </label>
  );
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("alarms");
  const words = useAlarmWords();
  return useMemo(() => {
    const cells = ({ row }: ViewRow<TableRow>): Cells => cellsOf(row);
    return [
      { id: "state", title: t("state"), width: "150px", sortBy: ".status.rank", cell: ({ row }) => <State state={row.state} /> },
      { id: "severity", title: t("severity"), width: "90px", isExtra: true, cell: (row) => t(`severities.${cells(row)[0] ?? "warning"}`) },
      {
        id: "resource",
        title: t("resource"),
        width: "24%",
        sortBy: ".spec.resource.name",
        cell: (row) => (
          <>
            <b className="name">{cells(row)[2]}</b> <span className="quiet">{cells(row)[1]}</span>
          </>
        ),
      },
      {
        id: "text",
        title: t("text"),
        width: "auto",
        cell: (row) => {
          const { what } = words(cells(row)[8] ?? "");
          const text = cells(row)[3] ?? "";
          if (what === undefined) return <bdi title={text}>{text}</bdi>;
          return (
            <span title={text}>
              {what}{" "}
              <bdi className="quiet" lang="en">
                {text}
              </bdi>
            </span>
          );
        },
      },
      {
        id: "unobserved",
        title: t("unobserved"),
        width: "110px",
        isNumber: true,
        isExtra: true,
        cell: (row) => (cells(row)[7] === null ? <span className="quiet">–</span> : <Age at={Date.parse(cells(row)[7] ?? "")} />),
      },
      { id: "by", title: t("by"), width: "10%", isExtra: true, cell: (row) => <bdi>{cells(row)[5] ?? "–"}</bdi> },
      {
        id: "raised",
        title: t("raised"),
        width: "90px",
        isNumber: true,
        sortBy: ".status.raisedAt",
        cell: (row) => <Age at={Date.parse(cells(row)[4] ?? "")} />,
      },
    ];
  }, [t, words]);
}
