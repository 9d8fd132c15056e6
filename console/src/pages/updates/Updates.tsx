import { useCallback, useMemo, useState } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { mayAct } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { type Column, DataTable, type Sort } from "../../parts/DataTable.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { Lanes } from "../../parts/lanes/Lanes.tsx";
import { isOver, type LanesRow, type LanesView, readLanes } from "../../parts/lanes/model.ts";
import { Phases } from "../../parts/lanes/Phases.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { NewUpdate } from "./NewUpdate.tsx";
import { Steering } from "./Steering.tsx";
import { UpdateDrawer } from "./UpdateDrawer.tsx";
import "./updates.css";
import { shortRevision } from "./versions.ts";

const PATHS = [
  ".spec.services",
  ".status.phase",
  ".status.generation",
  ".status.by",
  ".spec.message",
  ".metadata.creationTimestamp",
  ".status.transactions",
];
type Cells = readonly [
  services: readonly { readonly name: string; readonly to: string }[] | null,
  phase: string | null,
  generation: number | null,
  by: string | null,
  message: string | null,
  createdAt: string | null,
  transactions: number | null,
];

/** Where is the update, why does it wait? Lanes of what is under way, then what was. */
export default function Updates() {
  const t = useTexts("updates");
  const live = useView<LanesRow>({ of: "update" });
  const view = useMemo(() => readLanes(live.rows), [live.rows]);
  const [open, setOpen] = useParam("open");
  const [wanted, setWanted] = useParam("new");
  const [order, setOrder] = useParam("sort", "-.metadata.creationTimestamp");
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const columns = useColumns();
  const deeds = useDeed(view);
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(`${row.row.namespace ?? "default"}/${row.row.name}`, { isStep: true }), [setOpen]);
  const running = view?.updates.filter((update) => !isOver(update)) ?? [];
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page is-long">
        <PageHead
          title={t("title")}
          isStale={live.isStale}
          actions={
            mayAct("update") && (
              <button type="button" className="button is-first" onClick={() => setWanted("?")}>
                {t("start")}
              </button>
            )
          }
        >
          {view === undefined
            ? ""
            : view.generation === undefined
              ? t("nothingServed")
              : t("serves", { generation: view.generation, message: view.settled.message })}
        </PageHead>
        <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
        {running.map((update) => (
          <section key={update.metadata.name} className="running" aria-label={update.metadata.name}>
            <div className="running-head">
              <h2>{update.spec.services.map(({ name, to }) => `${name} → ${shortRevision(name, to)}`).join(", ")}</h2>
              <span className="quiet small">
                {update.metadata.name}
                {update.status?.by !== undefined && ` · ${t("by", { by: update.status.by })}`}
                {update.spec.message !== undefined && ` · ${update.spec.message}`}
              </span>
              <div className="page-actions">
                <Steering update={update} deeds={deeds} />
              </div>
            </div>
            <Phases update={update} />
          </section>
        ))}
        <Standing live={{ ...live, total: view === undefined ? 0 : 1 }} empty={t("empty")} command="./orrery up">
          {view !== undefined && <Lanes view={view} isStale={live.isStale} />}
        </Standing>
        {view !== undefined && view.generations.length > 1 && <Generations view={view} />}
        <h2>{t("history")}</h2>
        <DataTable<TableRow>
          label={t("history")}
          wish={{ resource: "updates", columns: PATHS }}
          columns={columns}
          sort={sort}
          onSort={onSort}
          openKey={open}
          onOpen={onOpen}
          empty={t("noHistory")}
          command="./orrery update auth --to v2"
        />
      </div>
      {open !== "" && <UpdateDrawer name={open} onClose={() => setOpen("")} />}
      {wanted !== "" && <NewUpdate service={wanted === "?" ? "" : wanted} deeds={deeds} onClose={() => setWanted("")} />}
    </div>
  );
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("updates");
  const word = useWord();
  return useMemo(() => {
    const cells = ({ row }: ViewRow<TableRow>): Cells => row.cells as unknown as Cells;
    return [
      {
        id: "phase",
        title: t("phase"),
        width: "16%",
        sortBy: ".status.phase",
        cell: (row) => <State state={row.row.state ?? { severity: "unknown", word: word(cells(row)[1] ?? "") }} />,
      },
      {
        id: "what",
        title: t("what"),
        width: "30%",
        cell: (row) => <b className="name">{(cells(row)[0] ?? []).map(({ name, to }) => `${name} → ${shortRevision(name, to)}`).join(", ")}</b>,
      },
      { id: "generation", title: t("generation"), width: "10%", isNumber: true, sortBy: ".status.generation", cell: (row) => cells(row)[2] ?? "–" },
      { id: "by", title: t("who"), width: "12%", isExtra: true, cell: (row) => cells(row)[3] ?? "–" },
      { id: "why", title: t("why"), width: "20%", isExtra: true, cell: (row) => <span title={cells(row)[4] ?? ""}>{cells(row)[4] ?? ""}</span> },
      {
        id: "when",
        title: t("when"),
        width: "12%",
        isNumber: true,
        sortBy: ".metadata.creationTimestamp",
        cell: (row) => <Age at={Date.parse(cells(row)[5] ?? "")} />,
      },
    ];
  }, [t, word]);
}

/** The generations that transactions still have. */
function Generations({ view }: { readonly view: LanesView }) {
  const t = useTexts("updates");
  const word = useWord();
  const [isOpen, setOpen] = useState(true);
  return (
    <section className="generations">
      <h2>
        <button type="button" className="button is-bare is-small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {t("generations", { count: view.generations.length })}
        </button>
      </h2>
      {isOpen && (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("generation")}</th>
              <th scope="col">{t("phase")}</th>
              <th scope="col" className="number">
                {t("since")}
              </th>
              <th scope="col" className="number">
                {t("transactions")}
              </th>
              <th scope="col" className="number">
                {t("calls")}
              </th>
            </tr>
          </thead>
          <tbody>
            {view.generations.map(({ number, phase, since, transactions, calls }) => (
              <tr key={number}>
                <td>g&#8201;{number}</td>
                <td>{word(phase)}</td>
                <td className="number">
                  <Age at={Date.parse(since)} />
                </td>
                <td className="number">{transactions ?? "?"}</td>
                <td className="number">{calls ?? "?"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
