import { useMemo } from "react";
import type { ChangeRow, LayerRow, OverviewRow, PlatformRow, ProblemRow, Saying, Severity } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { reachOf } from "../../api/reach.ts";
import { session } from "../../api/session.ts";
import { linkTo } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { ALARM_SEVERITIES, type AlarmCounts, shapeOf, sumOf } from "../../parts/alarm-counts.ts";
import { formatShare } from "../../parts/numbers.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape, State } from "../../parts/State.tsx";
import { useAlarmCounts } from "../../parts/useAlarmCounts.ts";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { useAlarmWords } from "../alarms/words.ts";
import { shortRevision } from "../updates/versions.ts";
import "./overview.css";

const ORDER: readonly Severity[] = ["critical", "major", "minor", "unknown", "changing", "off", "normal"];
const SHOWN_MAX = 60;
/** The page on which objects are looked at, by their resource. */
const PLACES: Readonly<Record<string, string>> = {
  microservices: "/services",
  hosts: "/hosts",
  gateways: "/gateways",
  routes: "/routes",
  resources: "/resources",
  updates: "/updates",
  alarms: "/alarms",
};
/** What the pages of a layer list. */
const LISTS: Readonly<Partial<Record<LayerRow["layer"], string>>> = { services: "/services", applications: "/resources" };
/** Steps that are taken on a page of their own. */
const STEP_PLACES: Readonly<Record<string, string>> = { "review-alone": "/approvals", "verify-audit": "/audit" };
/** Steps that are taken in the log. */
const LOG_STEPS: ReadonlySet<string> = new Set(["read-log", "read-probe-log"]);

/** Address of an object's details; undefined: there is no page for it. */
function placeOf({ resource = "", namespace, name }: ProblemRow["object"], step?: string): string | undefined {
  const path = PLACES[resource];
  if (path === undefined) return undefined;
  return `${path}?open=${namespace === undefined ? "" : `${namespace}/`}${name}${step !== undefined && LOG_STEPS.has(step) ? "&tab=log" : ""}`;
}

/** What is wrong, since when, what to do? Worst first; and what is being changed now. */
export default function Overview() {
  const t = useTexts("overview");
  const frame = useTexts("frame");
  const live = useView<OverviewRow>({ of: "overview", limit: SHOWN_MAX });
  const { problems, changes, layers, platform } = useMemo(() => sort(live.rows.map(({ key, row }) => ({ key, ...row }))), [live.rows]);
  const urgent = problems.filter(({ severity }) => severity === "critical" || severity === "major").length;
  const amiss = problems.length + (platform?.checks.filter(({ problem }) => problem !== undefined).length ?? 0);
  const reach = reachOf(session.me?.rules);
  const sentence = (): string => {
    if (live.isLoading) return "";
    if (urgent > 0) return t("urgent", { count: urgent });
    if (amiss > 0) return t("some", { count: amiss });
    if (reach.isWhole) return t("well");
    return layers.some(({ total }) => total > 0) ? t("wellSeen") : t("noneSeen");
  };
  return (
    <div className="page overview">
      <PageHead title={t("title")} isStale={live.isStale}>
        {sentence()}
      </PageHead>
      <Standing live={{ ...live, total: live.rows.length }} empty={t("nothingWrong")}>
        <div className={`overview-columns${live.isStale ? " is-stale" : ""}`}>
          <section aria-label={t("wrong")}>
            <h2>{t("wrong")}</h2>
            {problems.length === 0 ? (
              amiss === 0 && (
                <p className="standing quiet">
                  {reach.isWhole ? t("nothingWrong") : frame(reach.parts.length === 0 ? "seesNone" : "seesPart", { parts: reach.parts.join(" · ") })}
                </p>
              )
            ) : (
              <ul className="wrong">
                {problems.map((problem) => (
                  <Problem key={problem.key} problem={problem} />
                ))}
              </ul>
            )}
            {problems.length >= SHOWN_MAX && live.total > SHOWN_MAX && <p className="quiet small">{t("more", { count: live.total - SHOWN_MAX })}</p>}
          </section>
          <div className="overview-side">
            <section aria-label={t("alarms")}>
              <h2>{t("alarms")}</h2>
              <StandingAlarms />
            </section>
            <section aria-label={t("changing")}>
              <h2>{t("changing")}</h2>
              {changes.length === 0 ? (
                <p className="quiet">{t("nothingChanges")}</p>
              ) : (
                <ul className="changes">
                  {changes.map((change) => (
                    <Change key={change.key} change={change} />
                  ))}
                </ul>
              )}
            </section>
            <section aria-label={t("layers")}>
              <h2>{t("layers")}</h2>
              <div className="layers">
                {layers.map((layer) => (
                  <Layer key={layer.key} layer={layer} />
                ))}
              </div>
              {platform !== undefined && <Platform platform={platform} />}
            </section>
          </div>
        </div>
      </Standing>
    </div>
  );
}

type Keyed<Row> = Row & { readonly key: string };

interface Sorted {
  readonly problems: readonly Keyed<ProblemRow>[];
  readonly changes: readonly Keyed<ChangeRow>[];
  readonly layers: readonly Keyed<LayerRow>[];
  readonly platform: PlatformRow | undefined;
}

function sort(rows: readonly Keyed<OverviewRow>[]): Sorted {
  return {
    problems: rows.filter((row) => row.type === "problem"),
    changes: rows.filter((row) => row.type === "change"),
    layers: rows.filter((row) => row.type === "layer"),
    platform: rows.find((row) => row.type === "platform"),
  };
}

function Problem({ problem: { severity, object, reason, since, message, next } }: { readonly problem: ProblemRow }) {
  const t = useTexts("overview");
  const why = useWhy();
  const place = placeOf(object);
  const [step] = next;
  const isAlarm = object.kind === "Alarm";
  const { what, todo } = useAlarmWords()(isAlarm ? object.name.replace(/\.[0-9a-f]+$/, "") : "");
  return (
    <li>
      <State state={{ severity, word: reason, ...(message !== undefined && { message }) }} />
      <div className="wrong-what">
        <span>
          {place === undefined ? <b>{object.name}</b> : <a {...linkTo(place)}>{object.name}</a>}{" "}
          <span className="quiet small">{t(`kinds.${object.kind}`, { defaultValue: object.kind })}</span>
        </span>
        {what !== undefined && <span className="wrong-why">{what}</span>}
        {message !== undefined && <span className="wrong-why">{why({ reason, name: object.name, message })}</span>}
        {todo !== undefined && <span className="wrong-next">→ {todo}</span>}
        {step !== undefined && !isAlarm && <Next step={step} place={placeOf(object, step.code)} />}
      </div>
      <span className="quiet small number">{since === undefined ? "" : <Age at={Date.parse(since)} />}</span>
    </li>
  );
}

/** What a person can do, in their language; the code itself where there are no words for it yet. */
function Next({ step: { code, args }, place: own }: { readonly step: Saying; readonly place: string | undefined }) {
  const t = useTexts("next");
  const place = STEP_PLACES[code] ?? (LOG_STEPS.has(code) ? own : undefined);
  const text = t(code, { ...args, defaultValue: code });
  return <span className="wrong-next">→ {place !== undefined ? <a {...linkTo(place)}>{text}</a> : text}</span>;
}

function Change({ change }: { readonly change: ChangeRow }) {
  const word = useWord();
  const why = useWhy();
  const { object, phase, share, by, since, services, waits } = change;
  return (
    <li>
      <a {...linkTo(placeOf(object) ?? "/updates")}>
        <b>{services.length === 0 ? object.name : services.map(({ name, to }) => `${name} → ${shortRevision(name, to)}`).join(", ")}</b>
      </a>
      <span className="state is-changing">
        <Shape severity="changing" />
        <span>
          {word(phase)}
          {share !== undefined && phase === "Ramping" && ` ${formatShare(share)}`}
        </span>
      </span>
      <span className="quiet small">
        {by !== undefined && `${by} · `}
        {since !== undefined && <Age at={Date.parse(since)} />}
      </span>
      {waits !== undefined && <span className="small changes-wait">{why({ reason: waits.reason, name: waits.object, message: waits.message })}</span>}
    </li>
  );
}

/** Alarms that stand, the critical ones that nobody has acknowledged first. */
function StandingAlarms() {
  const t = useTexts("overview");
  const alarms = useTexts("alarms");
  const { unacknowledged, acknowledged, isStale, isLoading } = useAlarmCounts();
  if (isLoading) return null;
  if (sumOf(unacknowledged) + sumOf(acknowledged) === 0) return <p className="quiet">{t("noAlarms")}</p>;
  const line = (name: string, counts: AlarmCounts) => (
    <p className="layer-line">
      <a {...linkTo("/alarms")}>{name}</a>
      <span className="layer-counts">
        {ALARM_SEVERITIES.filter((severity) => counts[severity] > 0).map((severity) => (
          <span key={severity} className="bar-count" title={alarms(`severities.${severity}`)}>
            <Shape severity={shapeOf(severity)} /> {counts[severity]}
            <span className="only-read">{alarms(`severities.${severity}`)}</span>
          </span>
        ))}
      </span>
      <b className="number">{sumOf(counts)}</b>
    </p>
  );
  return (
    <div className={`layers${isStale ? " is-stale" : ""}`}>
      {line(t("unacknowledged"), unacknowledged)}
      {line(t("acknowledged"), acknowledged)}
    </div>
  );
}

function Layer({ layer: { layer, total, counts } }: { readonly layer: LayerRow }) {
  const t = useTexts("overview");
  const frame = useTexts("frame");
  return (
    <p className="layer-line">
      <span>{t(`layer.${layer}`)}</span>
      <span className="layer-counts">
        {ORDER.filter((severity) => severity !== "normal" && (counts[severity] ?? 0) > 0).map((severity) => {
          const told = (
            <>
              <Shape severity={severity} /> {counts[severity]}
              <span className="only-read">{frame(`severities.${severity}`)}</span>
            </>
          );
          const list = LISTS[layer];
          return list === undefined ? (
            <span key={severity} className="bar-count" title={frame(`severities.${severity}`)}>
              {told}
            </span>
          ) : (
            <a key={severity} className="bar-count" title={frame(`severities.${severity}`)} {...linkTo(`${list}?state=${severity}`)}>
              {told}
            </a>
          );
        })}
      </span>
      <b className="number">{total}</b>
    </p>
  );
}

/** The centre itself: its checks, and how many look at it. */
function Platform({ platform: { version, checks, consoles } }: { readonly platform: PlatformRow }) {
  const t = useTexts("overview");
  const failing = checks.filter(({ problem }) => problem !== undefined);
  return (
    <div className="platform small">
      {failing.map(({ name, problem }) => (
        <p key={name} className="note is-bad">
          <b>{name}</b> {problem}
        </p>
      ))}
      <p className="quiet">
        {version !== undefined && `Orrery ${version} · `}
        {failing.length === 0 && checks.length > 0 && `${t("checksWell", { count: checks.length })} · `}
        {t("consoles", { count: consoles })}
      </p>
    </div>
  );
}
