import { type CSSProperties, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { CallTableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { linkTo } from "../../frame/location.ts";
import { useTexts, useWord } from "../../texts/index.ts";
import { Age } from "../Age.tsx";
import { failedShare, formatPart, formatRate, formatUntil } from "../call-figures.ts";
import { formatShare } from "../numbers.ts";
import { useWhy } from "../Why.tsx";
import { type RevisionFigures, type Worse, worseThan } from "./figures.ts";
import "./lanes.css";
import { type DrawnBar, type DrawnLane, drawLanes, type LanesView, placeOfWait, type ToldWait } from "./model.ts";
import { ticksShown } from "./ticks.ts";

interface LanesProps {
  readonly view: LanesView;
  readonly isStale: boolean;
}

/** The picture of an update: a lane for each service, a bar for each revision as long as its share of new transactions, and one line across all lanes where the new generation begins. */
export function Lanes({ view, isStale }: LanesProps) {
  const t = useTexts("updates");
  const { lanes, line, steps, waits } = drawLanes(view);
  return (
    <section className={`lanes${isStale ? " is-stale" : ""}${line === undefined ? "" : " has-figures"}`} aria-label={t("lanes")}>
      {line !== undefined && (
        <div className="lanes-axis" aria-hidden="true">
          <Ticks steps={steps} share={line.share} />
          <span className="lanes-figures-head">
            <span>{t("errors")}</span>
            <span>{t("p95")}</span>
            <span>{t("rate")}</span>
          </span>
          <span className="lanes-ready-head">{t("ready")}</span>
        </div>
      )}
      <div className="lanes-body">
        {lanes.map((lane, index) => (
          <Lane key={lane.service} lane={lane} hasFigures={lane.isChanging && index < FIGURES_MAX} />
        ))}
        {line !== undefined && (
          <div className="lanes-cut" aria-hidden="true">
            <div className="lanes-track">
              <div className={`lanes-line${line.isHeld ? " is-held" : ""}`} style={at(line.share)}>
                <span className={line.share > 0.5 ? "is-left" : ""}>
                  g&#8201;{line.to} · {formatShare(line.share)}
                </span>
              </div>
            </div>
          </div>
        )}
      </div>
      {view.quietLanes > 0 && <p className="lanes-quiet">{t(lanes.length === 0 ? "allQuiet" : "unchanged", { count: view.quietLanes })}</p>}
      {waits.length > 0 && (
        <ul className="lanes-flags">
          {waits.map((wait) => (
            <Flag key={`${wait.reason} ${wait.object}`} wait={wait} />
          ))}
        </ul>
      )}
    </section>
  );
}

/** Each is a view of its own, and a stream has room for 64. */
const FIGURES_MAX = 24;

/** Shares at which the ramp rests, as far as there is room to read them. */
function Ticks({ steps, share }: { readonly steps: readonly number[]; readonly share: number }) {
  const track = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const measure = (): void => setWidth(track.current?.clientWidth ?? 600);
    measure();
    const observer = new ResizeObserver(measure);
    if (track.current !== null) observer.observe(track.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div className="lanes-track" ref={track}>
      {ticksShown(steps, width, share).map((step) => (
        <span key={step} className={`lanes-step${share >= step ? " is-reached" : ""}`} style={at(step)}>
          {formatShare(step)}
        </span>
      ))}
    </div>
  );
}

interface LaneProps {
  readonly lane: DrawnLane;
  /** Errors and latency of each revision beside its bar. */
  readonly hasFigures: boolean;
}

function Lane({ lane: { service, bars, isChanging, waits }, hasFigures }: LaneProps) {
  const live = useView<CallTableRow>(hasFigures ? { of: "callTable", by: ["revision"], service, limit: 10 } : undefined);
  const figures = new Map<string, RevisionFigures>(live.rows.map(({ row }) => [row.revision ?? "", row]));
  const served = bars.find(({ role }) => role === "served") ?? bars.find(({ role }) => role === "leaving");
  const isTold = hasFigures && live.error === undefined;
  return (
    <div className={`lane${isChanging ? " is-changing" : ""}`}>
      <h3 className="lane-name clip" title={service}>
        {service}
      </h3>
      <div className="lane-bars">
        {bars.map((bar) => (
          <Bar key={bar.revision} bar={bar} isChanging={isChanging}>
            {isTold && (
              <Figures
                of={figures.get(bar.revision)}
                worse={bar.role === "coming" ? worseThan(figures.get(bar.revision), figures.get(served?.revision ?? "")) : undefined}
                isStale={live.isStale}
              />
            )}
          </Bar>
        ))}
        {waits.length > 0 && (
          <ul className="lane-flags">
            {waits.map((wait) => (
              <Flag key={`${wait.reason} ${wait.object}`} wait={wait} />
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

interface FiguresProps {
  readonly of: RevisionFigures | undefined;
  readonly worse: Worse | undefined;
  readonly isStale: boolean;
}

/** How calls of the last minute to one revision went. */
function Figures({ of, worse, isStale }: FiguresProps) {
  const t = useTexts("updates");
  if (of === undefined) return <span className="lane-figures quiet">{t("noCalls")}</span>;
  return (
    <span className={`lane-figures${isStale ? " is-stale" : ""}`}>
      <span className={worse?.errors === true ? "is-worse" : undefined} title={worse?.errors === true ? t("worse") : undefined}>
        <i>{t("errors")}</i> {formatPart(failedShare(of))}
      </span>
      <span className={worse?.latency === true ? "is-worse" : undefined} title={worse?.latency === true ? t("worse") : undefined}>
        <i>{t("p95")}</i> {formatUntil(of.p95Ms)}
      </span>
      <span className="quiet">
        {formatRate(of.rate)}
        <i> {t("rate")}</i>
      </span>
    </span>
  );
}

interface BarProps {
  readonly bar: DrawnBar;
  readonly isChanging: boolean;
  readonly children?: ReactNode;
}

function Bar({ bar, isChanging, children }: BarProps) {
  const t = useTexts("updates");
  const { role, share, version, ready, instances, open, isDown, isAwaited, isMixed } = bar;
  const most = useMost(open ?? 0);
  const isDraining = role === "leaving" && (open ?? 0) > 0;
  // What drains shrinks with what is still open, to the right.
  const length = isDraining ? Math.max(0.015, (open ?? 0) / Math.max(1, most)) * DRAIN_LENGTH : bar.length;
  const start = isDraining || role === "leaving" ? 1 - length : bar.at;
  const isInside = length > 0.22 && !isDraining;
  const isTold = isChanging || isDown === true;
  const isEmpty = isDown === true && instances === 0;
  const figure = isEmpty
    ? t("noInstance")
    : isDown === true
      ? t("down")
      : open === undefined
        ? ""
        : open === null
          ? t("openUnknown")
          : t("open", { count: open });
  const stage =
    isAwaited === true
      ? t("held")
      : isMixed === true && bar.phase !== "Active"
        ? t("replacing")
        : role === "coming" && share === 0
          ? t("starting")
          : isDraining
            ? t("draining")
            : role === "leaving"
              ? t("leaves")
              : "";
  const words = [stage, figure].filter((word) => word !== "").join(" · ");
  return (
    <div
      className={`lane-row is-${role}${isEmpty ? " is-empty" : isDown === true ? " is-down" : ""}${isDraining ? " is-draining" : ""}${isAwaited === true ? " is-awaited" : ""}`}
    >
      <span className="lane-version clip" title={bar.revision}>
        {version}
      </span>
      <div className="lanes-track">
        <div className="lane-bar" style={{ left: `${start * 100}%`, width: `${length * 100}%` } satisfies CSSProperties}>
          {isInside && isTold && <span className="lane-figure">{words}</span>}
        </div>
        {!isInside && isTold && words !== "" && (
          <span
            className={`lane-figure is-beside${role === "coming" ? "" : " is-before"}`}
            style={role === "coming" ? { left: `${(start + length) * 100}%` } : { right: `${(1 - start) * 100}%` }}
          >
            {words}
          </span>
        )}
        <span className="only-read">{t("shareOf", { share: formatShare(share) })}</span>
      </div>
      {children}
      <span className={`lane-ready${ready < instances && role !== "leaving" ? " is-short" : ""}`} title={t("readyOf", { ready, instances })}>
        {ready}
        <span className="quiet">&#8201;/&#8201;{instances}</span>
      </span>
    </div>
  );
}

/** Half of the track, so that what leaves is never taken for what is served. */
const DRAIN_LENGTH = 0.5;

/** The largest value that this part has seen. */
function useMost(value: number): number {
  const most = useRef(value);
  useEffect(() => {
    most.current = Math.max(most.current, value);
  }, [value]);
  return Math.max(most.current, value);
}

/** Something that is waited for: what, how long already, and what a person can do. */
export function Flag({ wait }: { readonly wait: ToldWait }) {
  const word = useWord();
  const why = useWhy();
  const place = placeOfWait(wait);
  return (
    <li className={`flag${wait.needsPerson ? " is-for-person" : ""}`}>
      <svg viewBox="0 0 12 14" width="12" height="14" aria-hidden="true" focusable="false">
        <path d="M2 .8v12.4" />
        <path className="is-filled" d="M2 1.2h8.6L8.4 4l2.2 2.8H2z" />
      </svg>
      <span>
        <b>{word(wait.reason)}</b> <span className="quiet">· {place === undefined ? wait.object : <a {...linkTo(place)}>{wait.object}</a>} ·</span>{" "}
        <Age at={Date.parse(wait.since)} />
        <span className="flag-message">{why({ reason: wait.reason, name: wait.object, message: wait.message })}</span>
      </span>
    </li>
  );
}

function at(share: number): CSSProperties {
  return { left: `${share * 100}%` };
}
