import { useCallback, useDeferredValue, useMemo } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { stream } from "../../api/live.ts";
import { ROWS_MAX, readAll } from "../../api/read-all.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { csvOf, saveFile } from "../../parts/csv.ts";
import { type Column, DataTable, type Sort, type TableWish } from "../../parts/DataTable.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { spellOut } from "../../parts/durations.ts";
import { FacetSelect } from "../../parts/FacetSelect.tsx";
import type { Wait } from "../../parts/lanes/model.ts";
import { State } from "../../parts/State.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { shortRevision } from "./versions.ts";

const PATHS = [
  ".spec.services",
  ".status.phase",
  ".status.generation",
  ".status.by",
  ".spec.message",
  ".metadata.creationTimestamp",
  ".status.transactions",
  ".status.phases",
  ".status.waits",
  ".status.revisions",
];
type Cells = readonly [
  services: readonly { readonly name: string; readonly to: string }[] | null,
  phase: string | null,
  generation: number | null,
  by: string | null,
  message: string | null,
  createdAt: string | null,
  transactions: number | null,
  phases: readonly { readonly phase: string; readonly since: string; readonly until?: string }[] | null,
  waits: readonly Wait[] | null,
  revisions: readonly { readonly service: string; readonly from?: string; readonly to?: string }[] | null,
];
const cells = ({ row }: ViewRow<TableRow>): Cells => row.cells as unknown as Cells;

/** What was changed before: by whom, why, how long it took, what came of it; found, and taken along as a file. */
export function History() {
  const t = useTexts("updates");
  const [open, setOpen] = useParam("open");
  const [search, setSearch] = useParam("q");
  const [phase, setPhase] = useParam("phase");
  const [by, setBy] = useParam("by");
  const [order, setOrder] = useParam("sort", "-.metadata.creationTimestamp");
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const wish = useMemo(
    () =>
      ({
        resource: "updates",
        columns: PATHS,
        ...(text !== "" && { search: text }),
        ...((phase !== "" || by !== "") && {
          filter: { ...(phase !== "" && { ".status.phase": [phase] }), ...(by !== "" && { ".status.by": [by] }) },
        }),
      }) satisfies TableWish,
    [text, phase, by],
  );
  const columns = useColumns();
  const onSort = useCallback(({ by: next, descending }: Sort) => setOrder(`${descending ? "-" : ""}${next}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(`${row.row.namespace ?? "default"}/${row.row.name}`, { isStep: true }), [setOpen]);
  const deeds = useDeed(undefined);
  const exportAll = (): Promise<string | undefined> =>
    deeds.run({
      title: t("export"),
      send: async () => {
        const rows = await readAll<TableRow>({ of: "objects", ...wish, sort });
        saveFile(`updates-${new Date(stream.now()).toISOString().slice(0, 19).replaceAll(":", "")}Z.csv`, tableOf(rows));
      },
      doneText: t("exported", { count: ROWS_MAX }),
    });
  const isAll = text === "" && phase === "" && by === "";
  return (
    <section className="history" aria-label={t("history")}>
      <div className="history-head">
        <h2>{t("history")}</h2>
        <button type="button" className="button is-small" onClick={exportAll}>
          {t("export")}
        </button>
      </div>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
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
        <FacetSelect label={t("phase")} resource="updates" by=".status.phase" value={phase} all={t("allPhases")} onChange={setPhase} inWords />
        <FacetSelect label={t("who")} resource="updates" by=".status.by" value={by} all={t("everybody")} onChange={setBy} />
      </div>
      <DataTable<TableRow>
        label={t("history")}
        wish={wish}
        columns={columns}
        sort={sort}
        onSort={onSort}
        openKey={open}
        onOpen={onOpen}
        empty={isAll ? t("noHistory") : t("nothing")}
        {...(isAll && { command: "./orrery update auth --to v2" })}
      />
    </section>
  );
}

/** How long it took to its end, in milliseconds; undefined: it goes on. */
function tookMs(row: ViewRow<TableRow>): number | undefined {
  const [, , , , , , , phases] = cells(row);
  const [first, last] = [phases?.[0], phases?.at(-1)];
  const isOver = last !== undefined && ["Complete", "Aborted", "RolledBack", "Superseded"].includes(last.phase);
  return first === undefined || !isOver ? undefined : Math.max(0, Date.parse(last.since) - Date.parse(first.since));
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("updates");
  const frame = useTexts("frame");
  const word = useWord();
  return useMemo(
    () => [
      {
        id: "phase",
        title: t("phase"),
        width: "150px",
        sortBy: ".status.phase",
        cell: (row) => <State state={row.row.state ?? { severity: "unknown", word: word(cells(row)[1] ?? "") }} />,
      },
      {
        id: "what",
        title: t("what"),
        width: "auto",
        cell: (row) => <b className="name">{(cells(row)[0] ?? []).map(({ name, to }) => `${name} → ${shortRevision(name, to)}`).join(", ")}</b>,
      },
      {
        id: "generation",
        title: t("generation"),
        width: "8%",
        isNumber: true,
        isExtra: true,
        sortBy: ".status.generation",
        cell: (row) => cells(row)[2] ?? "–",
      },
      { id: "by", title: t("who"), width: "11%", isExtra: true, sortBy: ".status.by", cell: (row) => cells(row)[3] ?? "–" },
      { id: "why", title: t("why"), width: "17%", isExtra: true, cell: (row) => <span title={cells(row)[4] ?? ""}>{cells(row)[4] ?? ""}</span> },
      {
        id: "took",
        title: t("took"),
        width: "8%",
        isNumber: true,
        isExtra: true,
        cell: (row) => {
          const ms = tookMs(row);
          if (ms === undefined) return "–";
          const { unit, amount } = spellOut(ms);
          return frame(`units.${unit}`, { amount });
        },
      },
      {
        id: "transactions",
        title: t("transactions"),
        width: "11%",
        isNumber: true,
        isExtra: true,
        sortBy: ".status.transactions",
        cell: (row) => cells(row)[6] ?? "–",
      },
      {
        id: "when",
        title: t("when"),
        width: "90px",
        isNumber: true,
        sortBy: ".metadata.creationTimestamp",
        cell: (row) => <Age at={Date.parse(cells(row)[5] ?? "")} />,
      },
    ],
    [t, frame, word],
  );
}

/** A line for each update; words are those of the API, so that a program reads them. */
function tableOf(rows: readonly ViewRow<TableRow>[]): string {
  return csvOf([
    ["name", "created", "services", "phase", "generation", "by", "why", "tookSeconds", "transactions", "phases", "revisions", "waits"],
    ...rows.map((row) => {
      const [services, phase, generation, by, why, created, transactions, phases, waits, revisions] = cells(row);
      const took = tookMs(row);
      return [
        row.row.name,
        created,
        (services ?? []).map(({ name, to }) => `${name}=${to}`).join(" "),
        phase,
        generation,
        by,
        why,
        took === undefined ? undefined : took / 1_000,
        transactions,
        (phases ?? []).map((one) => `${one.phase}@${one.since}`).join(" "),
        (revisions ?? []).map(({ service, from = "", to = "" }) => `${service}:${from}>${to}`).join(" "),
        (waits ?? []).map(({ reason, object, message }) => `${reason} ${object}: ${message}`).join("; "),
      ];
    }),
  ]);
}
