import { useCallback, useMemo, useState } from "react";
import type { CallTableRow, CallTableView, ViewRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, stream } from "../../api/live.ts";
import { ROWS_MAX, readAll } from "../../api/read-all.ts";
import { useParam } from "../../frame/location.ts";
import { failedShare, formatMs, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { csvOf, saveFile } from "../../parts/csv.ts";
import { type Column, DataTable, type Sort, type TableWish } from "../../parts/DataTable.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { SearchField } from "../../parts/SearchField.tsx";
import { Shape } from "../../parts/State.tsx";
import { useList } from "../../parts/useList.ts";
import { useTexts } from "../../texts/index.ts";
import "../../parts/tools.css";
import { CallDrawer } from "./CallDrawer.tsx";
import { callerOf, keyOf, LEVELS, type Level, levelOf } from "./calls.ts";
import "./calls.css";
import { usePartName } from "./names.ts";
import { Recorded } from "./Recorded.tsx";
import { ViewChoice } from "./ViewChoice.tsx";

/** Figures come each second; of many calls the centre rests between. */
const BEAT_MS = 5_000;

/** Who calls what: sums of the last minute, or recorded calls one by one. */
export default function Calls() {
  const [view] = useParam("view");
  return view === "recorded" ? <Recorded /> : <LastMinute />;
}

/** Who calls what, how often, how fast, how much of it fails: the last minute, as gateways tell it. */
function LastMinute() {
  const t = useTexts("calls");
  const [by, setBy] = useParam("by", "services");
  const [caller, setCaller] = useParam("caller");
  const [service, setService] = useParam("service");
  const [end, setEnd] = useParam("end");
  const [only, setOnly] = useParam("only");
  const { search, setSearch, text, sort, onSort: setSort, open, setOpen } = useList("");
  const [live, setLive] = useState<LiveView<CallTableRow>>();
  const level = levelOf(by);
  const isHurting = only === "hurts";
  const wish = useMemo(() => {
    const from = callerOf(caller);
    return {
      of: "callTable" as const,
      by: [...LEVELS[level]],
      ...(from !== undefined && { caller: from }),
      ...(service !== "" && { service }),
      ...(end !== "" && { end }),
      ...(isHurting && { onlyHurting: true }),
      ...(text !== "" && { search: text }),
    };
  }, [level, caller, service, end, isHurting, text]);
  const columns = useColumns(level);
  const onSort = useCallback(
    // The first press of a figure shows the worst.
    ({ by: next, descending }: Sort) =>
      setSort({ by: next, descending: sort.by === next ? descending : !["caller", "service", "revision", "instance", "host"].includes(next) }),
    [setSort, sort.by],
  );
  const onOpen = useCallback((row: ViewRow<CallTableRow>) => setOpen(keyOf(row.row, level), { isStep: true }), [setOpen, level]);
  const deeds = useDeed(undefined);
  const nameOf = usePartName();
  const exportAll = (): Promise<string | undefined> =>
    deeds.run({
      title: t("export"),
      send: async () => {
        const rows = await readAll<CallTableRow>({
          ...wish,
          ...(sort.by !== "" && { sort: sort as NonNullable<CallTableView["sort"]> }),
        });
        saveFile(`calls-${new Date(stream.now()).toISOString().slice(0, 19).replaceAll(":", "")}Z.csv`, tableOf(rows, level));
      },
      doneText: t("exported", { count: ROWS_MAX }),
    });
  const seen = live?.rows[0]?.seen;
  const filters = [
    [caller, t("fromOne", { name: nameOf("caller", callerOf(caller) ?? "") }), setCaller],
    [service, t("toOne", { name: service }), setService],
    [end, t("ofOne", { name: end }), setEnd],
  ] as const;
  const isAll = text === "" && !isHurting && filters.every(([value]) => value === "");
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead
          title={t("title")}
          seen={seen}
          beatMs={BEAT_MS}
          isStale={live?.isStale ?? false}
          actions={
            <button type="button" className="button" onClick={exportAll}>
              {t("export")}
            </button>
          }
        >
          {t("about")}
        </PageHead>
        <div className="tools">
          <ViewChoice />
          <SearchField hint={t("search")} value={search} onChange={setSearch} />
          <span className="choice" role="group" aria-label={t("by")}>
            {(Object.keys(LEVELS) as Level[]).map((one) => (
              <button key={one} type="button" aria-pressed={level === one} onClick={() => setBy(one)}>
                {t(`levels.${one}`)}
              </button>
            ))}
          </span>
          <button type="button" className="button" aria-pressed={isHurting} onClick={() => setOnly(isHurting ? "" : "hurts")}>
            {t("onlyHurting")}
          </button>
          {filters
            .filter(([value]) => value !== "")
            .map(([, label, set]) => (
              <button key={label} type="button" className="button" aria-label={t("without", { filter: label })} onClick={() => set("")}>
                {label} ×
              </button>
            ))}
        </div>
        <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
        <DataTable<CallTableRow>
          label={t("title")}
          wish={wish as TableWish}
          columns={columns}
          sort={sort}
          onSort={onSort}
          openKey={open}
          onOpen={onOpen}
          onLive={setLive}
          empty={isAll ? t("empty") : isHurting ? t("nothingHurts") : t("nothing")}
        />
      </div>
      {open !== "" && <CallDrawer name={open} level={level} onClose={() => setOpen("")} />}
    </div>
  );
}

const FIGURES = ["rate", "failed", "refusedRate", "p50Ms", "p95Ms", "p99Ms", "maxMs", "inFlight", "unlabelledRate"] as const;
type Figure = (typeof FIGURES)[number];
const WIDTHS: Readonly<Partial<Record<Figure, string>>> = { rate: "66px", failed: "74px" };
/** Left out beside a drawer and on phones. */
const EXTRA: ReadonlySet<string> = new Set(["rate", "refusedRate", "p50Ms", "p99Ms", "maxMs", "inFlight", "unlabelledRate"]);

function figureText(row: CallTableRow, figure: Figure): string {
  switch (figure) {
    case "failed":
      return formatPart(failedShare(row));
    case "p50Ms":
    case "p95Ms":
    case "p99Ms":
      return formatUntil(row[figure]);
    case "maxMs":
      return row.maxMs === undefined ? "–" : formatMs(row.maxMs);
    case "inFlight":
      return String(row.inFlight);
    default:
      return formatRate(row[figure]);
  }
}

function useColumns(level: Level): readonly Column<CallTableRow>[] {
  const t = useTexts("calls");
  const nameOf = usePartName();
  return useMemo(() => {
    const parts: Column<CallTableRow>[] = LEVELS[level].map((part, index) => ({
      id: part,
      title: t(`parts.${part}`),
      width: "auto",
      sortBy: part,
      isExtra: part === "revision" && level === "instances",
      cell: ({ row }) => {
        const hurt = hurtOf(row);
        return (
          <>
            {index === 0 && (hurt === undefined ? <span className="no-shape" /> : <Shape severity={hurt} />)}{" "}
            <span className={row[part] === "" || row[part] === "?" ? "quiet" : part === "caller" || part === "service" ? "name" : undefined}>
              {nameOf(part, row[part] ?? "")}
            </span>
          </>
        );
      },
    }));
    const figures: Column<CallTableRow>[] = FIGURES.map((figure) => ({
      id: figure,
      title: t(`figures.${figure}`),
      width: WIDTHS[figure] ?? "88px",
      isNumber: true,
      isExtra: EXTRA.has(figure),
      sortBy: figure === "failed" ? "errorShare" : figure,
      cell: ({ row }) => {
        const hurt = hurtOf(row);
        const isWhy = hurt !== undefined && (failedShare(row) > 0 ? figure === "failed" : figure === "p95Ms");
        const isNone =
          (figure === "failed" && failedShare(row) === 0) ||
          (figure === "refusedRate" && row.refusedRate === 0) ||
          (figure === "unlabelledRate" && row.unlabelledRate === 0);
        return <span className={isWhy ? `figure is-${hurt}` : isNone ? "quiet" : undefined}>{figureText(row, figure)}</span>;
      },
    }));
    return [...parts, ...figures];
  }, [t, nameOf, level]);
}

const NUMBERS = [
  "calls",
  "errors",
  "refused",
  "rate",
  "errorShare",
  "refusedRate",
  "unlabelledRate",
  "inFlight",
  "meanMs",
  "p50Ms",
  "p95Ms",
  "p99Ms",
  "maxMs",
] as const;

function tableOf(rows: readonly ViewRow<CallTableRow>[], level: Level): string {
  return csvOf([
    ["seenAt", ...LEVELS[level], ...NUMBERS],
    ...rows.map(({ seen, row }) => [seen?.at, ...LEVELS[level].map((part) => row[part]), ...NUMBERS.map((figure) => row[figure])]),
  ]);
}
