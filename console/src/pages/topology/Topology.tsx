import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { CallsRow, TableRow } from "../../../../src/face/views/protocol.ts";
import { stream, useView } from "../../api/live.ts";
import { useParam } from "../../frame/location.ts";
import { failedRate, failedShare, formatPart, formatRate } from "../../parts/call-figures.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { type Translate, useTexts } from "../../texts/index.ts";
import { Graph } from "./Graph.tsx";
import { type CallGraph, graphOf, nameOfId } from "./graph.ts";
import { Matrix } from "./Matrix.tsx";
import { type Moment, Moments } from "./moments.ts";
import { Rewind } from "./Rewind.tsx";
import { TopologyDrawer } from "./TopologyDrawer.tsx";
import "../../parts/tools.css";
import "./topology.css";
import { useLayout } from "./useLayout.ts";

/** Figures come each second; of many services the centre rests between. */
const BEAT_MS = 5_000;
const STEPS = ["1", "2", "3"] as const;

/** Who calls whom, and where does it hurt? */
export default function Topology() {
  const t = useTexts("topology");
  const [search, setSearch] = useParam("q");
  const [group, setGroup] = useParam("group");
  const [unfolded, setUnfolded] = useParam("unfold");
  const [around, setAround] = useParam("around");
  const [steps, setSteps] = useParam("steps", "1");
  const [only, setOnly] = useParam("only");
  const [as, setAs] = useParam("as", "graph");
  const [selected, setSelected] = useParam("open");
  const [at, setAt] = useParam("at");
  const [zoom, setZoom] = useState<number>();
  const text = useDeferredValue(search.trim());
  const isHurting = only === "hurts";
  const open = useMemo(() => (unfolded === "" ? [] : unfolded.split(",")), [unfolded]);
  const wish = useMemo(
    () => ({
      of: "calls" as const,
      ...(group !== "" && { group, ...(open.length > 0 && { unfolded: open }) }),
      ...(around !== "" && { around: { service: around, steps: STEPS.some((one) => one === steps) ? Number(steps) : 1 } }),
      ...(isHurting && { onlyHurting: true }),
      ...(text !== "" && { search: text }),
    }),
    [group, open, around, steps, isHurting, text],
  );
  const live = useView<CallsRow>(wish);
  const silent = useSilentGateways();
  const { question, moments } = useMoments(JSON.stringify(wish), live.rows, live.isStale);
  const atMs = at === "" ? undefined : Date.parse(at);
  const moment = atMs === undefined || Number.isNaN(atMs) ? undefined : moments.at(atMs);
  const rows = moment?.rows ?? live.rows;
  const graph = useMemo(() => graphOf(rows), [rows]);
  const { layout, arrange } = useLayout(question, graph);
  const { summary, seen, nodes, edges, cells } = graph;
  const onSelect = useCallback((key: string) => setSelected(key === selected ? "" : key, { isStep: true }), [setSelected, selected]);
  const isMatrix = as === "matrix";
  return (
    <div className={`with-drawer${selected === "" ? "" : " has-drawer is-wide"}`}>
      <div className="page topology">
        <PageHead title={t("title")} seen={moment === undefined ? seen : undefined} beatMs={BEAT_MS} isStale={live.isStale}>
          {summary === undefined ? "" : sentence(graph, t)}
        </PageHead>
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
          <label className="tool">
            <span className="quiet">{t("group")}</span>
            <select className="input" value={group} onChange={(event) => setGroup(event.target.value)}>
              <option value="">{t("noGroup")}</option>
              {[...new Set([...(summary?.groups ?? []), ...(group === "" ? [] : [group])])].map((label) => (
                <option key={label} value={label}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          <button type="button" className="button" aria-pressed={isHurting} onClick={() => setOnly(isHurting ? "" : "hurts")}>
            {t("onlyHurting")}
          </button>
          {around !== "" && (
            <span className="tool chip">
              <span>{t("aroundName", { name: around })}</span>
              <select className="input is-small" aria-label={t("steps")} value={steps} onChange={(event) => setSteps(event.target.value)}>
                {STEPS.map((one) => (
                  <option key={one} value={one}>
                    {t("stepsAway", { count: Number(one) })}
                  </option>
                ))}
              </select>
              <button type="button" className="button is-bare is-small" onClick={() => setAround("")}>
                {t("all")}
              </button>
            </span>
          )}
          {group !== "" &&
            open.map((value) => (
              <button
                key={value}
                type="button"
                className="button is-small"
                onClick={() => setUnfolded(open.filter((one) => one !== value).join(","))}
              >
                {t("foldUp", { group: value })}
              </button>
            ))}
          <span className="choice tools-end">
            {(["graph", "matrix"] as const).map((one) => (
              <button key={one} type="button" aria-pressed={as === one} onClick={() => setAs(one)}>
                {t(`as.${one}`)}
              </button>
            ))}
          </span>
          {!isMatrix && (
            <button type="button" className="button is-small" title={t("arrangeHint")} onClick={arrange}>
              {t("arrange")}
            </button>
          )}
        </div>
        {silent.length > 0 && <p className="note is-warn">{t("silentGateways", { names: silent.join(", "), count: silent.length })}</p>}
        {atMs !== undefined && moment === undefined && <p className="note is-warn">{t("notSeenThen")}</p>}
        {(summary?.leftOut ?? 0) > 0 && !isMatrix && (
          <p className="note left-out">
            <span>{t("leftOut", { count: summary?.leftOut ?? 0, shown: nodes.length })}</span>
            {group === "" &&
              (summary?.groups ?? []).slice(0, 2).map((label) => (
                <button key={label} type="button" className="button is-small" onClick={() => setGroup(label)}>
                  {t("groupBy", { label })}
                </button>
              ))}
            {!isHurting && (
              <button type="button" className="button is-small" onClick={() => setOnly("hurts")}>
                {t("onlyHurting")}
              </button>
            )}
            <button type="button" className="button is-small" onClick={() => setAs("matrix")}>
              {t("asMatrix", { count: cells.length })}
            </button>
          </p>
        )}
        <Standing
          live={nodes.length === 0 && !isHurting && text === "" && around === "" ? { ...live, total: 0 } : live}
          empty={t("empty")}
          resource="microservices"
        >
          {nodes.length === 0 ? (
            <p className="standing quiet">{isHurting ? t("nothingHurts") : t("nothing")}</p>
          ) : isMatrix ? (
            edges.length + cells.length === 0 ? (
              <p className="standing quiet">{t("noCalls")}</p>
            ) : (
              <Matrix edges={[...edges, ...cells]} selected={selected} onSelect={onSelect} isStale={live.isStale} />
            )
          ) : layout === undefined ? (
            <div className="graph" aria-busy="true" />
          ) : (
            <Graph
              graph={graph}
              layout={layout}
              selected={selected}
              onSelect={onSelect}
              isStale={live.isStale && moment === undefined}
              zoom={zoom}
              onZoom={setZoom}
            />
          )}
        </Standing>
        {isMatrix && (summary?.cellsLeftOut ?? 0) > 0 && <p className="quiet small">{t("cellsLeftOut", { count: summary?.cellsLeftOut ?? 0 })}</p>}
        <div className="topology-foot">
          <Rewind
            moments={moments.list}
            atMs={moment === undefined ? undefined : atMs}
            onAt={(next) => setAt(next === undefined ? "" : new Date(next).toISOString())}
          />
          {!isMatrix && <Legend isUpdating={edges.some((edge) => edge.comingShare + edge.leavingShare > 0)} />}
        </div>
      </div>
      {selected !== "" && (
        <TopologyDrawer
          selected={selected}
          graph={graph}
          moments={atMs === undefined ? moments.list : moments.list.filter((one) => one.atMs <= atMs)}
          onSelect={(key) => setSelected(key)}
          onUnfold={(value) => {
            setUnfolded([...open, value].join(","));
            setSelected("");
          }}
          onAround={(service) => {
            setAround(service);
            setSelected(`service:${service}`);
          }}
          onClose={() => setSelected("")}
        />
      )}
    </div>
  );
}

function sentence({ summary, nodes, edges, cells }: CallGraph, t: Translate): string {
  if (summary === undefined) return "";
  const all = [...edges, ...cells];
  const ways = all.length + summary.cellsLeftOut;
  const whole = t("sentence", { rate: formatRate(summary.rate), services: t("services", { count: summary.services }), count: ways });
  const worst = all.filter(({ hurts }) => hurts).toSorted((a, b) => failedRate(b) - failedRate(a) || b.rate - a.rate)[0];
  if (worst === undefined) return `${whole} ${nodes.some(({ hurts }) => hurts) ? "" : t("noneHurts")}`;
  const name = (id: string): string => (id === "outside" || id === "unknown" ? t(id) : nameOfId(id));
  const share = failedShare(worst);
  return `${whole} ${t("hurting", { count: summary.hurting, from: name(worst.from), to: name(worst.to), how: share > 0 ? t("failed", { share: formatPart(share) }) : t("slow") })}`;
}

function Legend({ isUpdating }: { readonly isUpdating: boolean }) {
  const t = useTexts("topology");
  return (
    <ul className="legend small quiet">
      {(["served", ...(isUpdating ? (["coming", "leaving"] as const) : []), "failed"] as const).map((of) => (
        <li key={of}>
          <svg width="22" height="8" aria-hidden="true" focusable="false">
            <path className={`stroke is-${of}${isUpdating ? " is-two" : ""}`} d="M0 4H22" strokeWidth="4" />
          </svg>
          {t(`legend.${of}`)}
        </li>
      ))}
    </ul>
  );
}

/** Gateways that say nothing: what they carry is not in the figures. */
function useSilentGateways(): readonly string[] {
  const { rows } = useView<TableRow>({
    of: "objects",
    resource: "gateways",
    filter: { state: ["critical", "major", "unknown"] },
    columns: [".metadata.name"],
    limit: 5,
  });
  return rows.map(({ row }) => row.name);
}

/** Keeps what is shown. Rows belong to the question that they were told for, also while the next one is asked. */
function useMoments(asked: string, rows: Moment["rows"], isStale: boolean): { readonly question: string; readonly moments: Moments } {
  const [moments] = useState(() => new Moments());
  const owners = useRef(new WeakMap<object, string>());
  const [, setCount] = useState(0);
  const question = rows.length === 0 ? asked : (owners.current.get(rows) ?? asked);
  useEffect(() => {
    if (rows.length === 0) return;
    const owner = owners.current.get(rows) ?? asked;
    owners.current.set(rows, owner);
    if (!isStale && moments.add(owner, { atMs: stream.now(), rows })) setCount((count) => count + 1);
  }, [rows, asked, isStale, moments]);
  return { question, moments };
}
