import type { ReactNode } from "react";
import type { CallFigures, CallsEdgeRow, CallsNodeRow } from "../../../../src/face/views/protocol.ts";
import { go, linkTo } from "../../frame/location.ts";
import { failedShare, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Spark } from "../../parts/Spark.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { type CallGraph, callerOfId, edgeKey, nameOfId } from "./graph.ts";
import type { Moment } from "./moments.ts";
import { useNodeName } from "./names.ts";

interface TopologyDrawerProps {
  readonly selected: string;
  readonly graph: CallGraph;
  readonly moments: readonly Moment[];
  readonly onSelect: (key: string) => void;
  readonly onUnfold: (group: string) => void;
  readonly onAround: (service: string) => void;
  readonly onClose: () => void;
}

/** One box or one edge: its figures, how they went, who is on the other end, and where to look next. */
export function TopologyDrawer(props: TopologyDrawerProps) {
  const { selected, graph, onClose } = props;
  const t = useTexts("topology");
  const nameOf = useNodeName();
  const isEdge = selected.includes(">");
  const label = selected.split(">").map(nameOf).join(" → ");
  const node = graph.nodes.find(({ id }) => id === selected);
  const edge = isEdge ? [...graph.edges, ...graph.cells].find((one) => edgeKey(one) === selected) : undefined;
  return (
    <Drawer label={t("details", { name: label })} of={selected} onClose={onClose}>
      {node !== undefined ? (
        <NodeDetails {...props} node={node} />
      ) : edge !== undefined ? (
        <EdgeDetails {...props} edge={edge} />
      ) : (
        <PageHead level={2} title={label}>
          {t("notShown")}
        </PageHead>
      )}
    </Drawer>
  );
}

function NodeDetails({ node, graph, moments, onSelect, onUnfold, onAround }: TopologyDrawerProps & { readonly node: CallsNodeRow }) {
  const t = useTexts("topology");
  const frame = useTexts("frame");
  const nameOf = useNodeName();
  const { id, kind, name, version, coming } = node;
  const all = [...graph.edges, ...graph.cells];
  const into = all.filter((edge) => edge.to === id);
  const out = all.filter((edge) => edge.from === id);
  const isService = kind === "service";
  return (
    <>
      <PageHead
        level={2}
        title={nameOf(id)}
        {...(kind === "group" ? { kind: t("services", { count: node.services }) } : version !== undefined && { kind: version })}
        state={node.severity === undefined ? undefined : { severity: node.severity, word: frame(`severities.${node.severity}`) }}
        actions={
          <>
            {kind === "group" && (
              <button type="button" className="button" onClick={() => onUnfold(name)}>
                {t("unfold")}
              </button>
            )}
            {isService && (
              <button type="button" className="button" onClick={() => go(`/services?open=default/${encodeURIComponent(name)}`)}>
                {t("openService")}
              </button>
            )}
            {kind === "probe" && (
              <button type="button" className="button" onClick={() => go(`/resources?open=default/${encodeURIComponent(name)}`)}>
                {t("openResource")}
              </button>
            )}
            {isService && (
              <button type="button" className="button" onClick={() => onAround(name)}>
                {t("around")}
              </button>
            )}
          </>
        }
      >
        {coming === undefined ? t(`about.${kind}`) : t("comes", { version: coming })}
      </PageHead>
      <div className="tab-panel">
        {(isService || kind === "group") && <Figures of={node} lookUp={(rows) => rows.get(`node ${id}`)} moments={moments} />}
        <Ends title={t("calledBy")} edges={into} other="from" onSelect={onSelect} />
        <Ends title={t("callsWhom")} edges={out} other="to" onSelect={onSelect} />
        {isService && (
          <p>
            <a {...linkTo(`/calls?end=${encodeURIComponent(name)}`)}>{t("asTable")}</a>
          </p>
        )}
      </div>
    </>
  );
}

function EdgeDetails({ edge, moments, onSelect }: TopologyDrawerProps & { readonly edge: CallsEdgeRow }) {
  const t = useTexts("topology");
  const nameOf = useNodeName();
  const { from, to, shares, unlabelledRate } = edge;
  const key = `${from} ${to}`;
  const caller = callerOfId(from);
  const params = [
    caller === undefined ? "" : `caller=${encodeURIComponent(caller)}`,
    to.startsWith("service:") ? `service=${encodeURIComponent(nameOfId(to))}` : "",
  ].filter((one) => one !== "");
  return (
    <>
      <PageHead level={2} title={`${nameOf(from)} → ${nameOf(to)}`}>
        {failedShare(edge) > 0 ? t("someFail", { share: formatPart(failedShare(edge)) }) : t("noneFail")}
      </PageHead>
      <div className="tab-panel">
        <Figures of={edge} lookUp={(rows) => rows.get(`edge ${key}`) ?? rows.get(`cell ${key}`)} moments={moments}>
          {unlabelledRate > 0 && [t("unlabelled"), `${formatRate(unlabelledRate)}/s`]}
        </Figures>
        {shares.length > 0 && (
          <section>
            <h3>{t("shares")}</h3>
            <ul className="shares">
              {shares.map(({ revision, share, duty }) => (
                <li key={revision}>
                  <span className="mono small clip" title={revision}>
                    {revision}
                  </span>
                  <span className="quiet small">{t(`duties.${duty}`)}</span>
                  <b className="number">{formatPart(share)}</b>
                  <span className={`share-bar is-${duty}`} style={{ width: `${share * 100}%` }} />
                </li>
              ))}
            </ul>
          </section>
        )}
        <p className="ends-links">
          {[from, to].map((id) => (
            <button key={id} type="button" className="button is-small" onClick={() => onSelect(id)}>
              {nameOf(id)}
            </button>
          ))}
          {params.length > 0 && <a {...linkTo(`/calls?by=instances&${params.join("&")}`)}>{t("asTable")}</a>}
        </p>
      </div>
    </>
  );
}

interface FiguresProps {
  readonly of: CallFigures;
  readonly moments: readonly Moment[];
  readonly lookUp: (rows: ReadonlyMap<string, object>) => object | undefined;
  readonly children?: false | readonly [string, string];
}

const POINTS_MAX = 120;

/** Figures of the last minute, and how they went as long as this page has looked. */
function Figures({ of, moments, lookUp, children }: FiguresProps) {
  const t = useTexts("topology");
  const step = Math.max(1, Math.ceil(moments.length / POINTS_MAX));
  const seen = moments
    .filter((_, index) => (moments.length - 1 - index) % step === 0)
    .map(({ atMs, rows }) => ({ atMs, row: lookUp(rowsByKey(rows)) as CallFigures | undefined }));
  const facts: (readonly [string, ReactNode])[] = [
    [t("p95"), formatUntil(of.p95Ms)],
    [t("refused"), `${formatRate(of.refusedRate)}/s`],
    [t("inFlight"), of.inFlight],
    ...(children === undefined || children === false ? [] : [children]),
  ];
  return (
    <>
      <div className="sparks">
        <Spark label={t("rate")} points={seen.map(({ atMs, row }) => ({ atMs, value: row?.rate }))} format={(value) => `${formatRate(value)}/s`} />
        <Spark
          label={t("fail")}
          points={seen.map(({ atMs, row }) => ({ atMs, value: row === undefined ? undefined : failedShare(row) }))}
          format={formatPart}
          isBad={failedShare(of) > 0}
        />
      </div>
      <Facts facts={facts} />
    </>
  );
}

const byKey = new WeakMap<object, ReadonlyMap<string, object>>();

function rowsByKey(rows: Moment["rows"]): ReadonlyMap<string, object> {
  const known = byKey.get(rows);
  if (known !== undefined) return known;
  const made = new Map(rows.map(({ key, row }) => [key, row]));
  byKey.set(rows, made);
  return made;
}

interface EndsProps {
  readonly title: string;
  readonly edges: readonly CallsEdgeRow[];
  readonly other: "from" | "to";
  readonly onSelect: (key: string) => void;
}

function Ends({ title, edges, other, onSelect }: EndsProps) {
  const t = useTexts("topology");
  const nameOf = useNodeName();
  if (edges.length === 0) return null;
  const sorted = edges.toSorted((a, b) => Number(b.hurts) - Number(a.hurts) || b.rate - a.rate);
  return (
    <section>
      <h3>{title}</h3>
      <table className="plain-table ends">
        <colgroup>
          <col />
          <col style={{ width: "64px" }} />
          <col style={{ width: "84px" }} />
          <col style={{ width: "96px" }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">{t("other")}</th>
            <th scope="col" className="number">
              {t("rateUnit")}
            </th>
            <th scope="col" className="number">
              {t("fail")}
            </th>
            <th scope="col" className="number">
              p95
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((edge) => {
            const hurt = hurtOf(edge);
            return (
              <tr key={edgeKey(edge)}>
                <td>
                  <button type="button" className="link" onClick={() => onSelect(edgeKey(edge))}>
                    {hurt !== undefined && <Shape severity={hurt} />} {nameOf(edge[other])}
                  </button>
                  {edge.comingShare > 0 && <span className="small is-coming"> {t("comingShare", { share: formatPart(edge.comingShare) })}</span>}
                </td>
                <td className="number">{formatRate(edge.rate)}</td>
                <td className="number">{formatPart(failedShare(edge))}</td>
                <td className="number">{formatUntil(edge.p95Ms)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
