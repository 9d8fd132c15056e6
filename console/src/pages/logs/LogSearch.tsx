import { type KeyboardEvent, useEffect, useState } from "react";
import { ApiError, sendForLines } from "../../api/request.ts";
import { withoutEscapes } from "../../parts/escapes.ts";
import { Plain } from "../../parts/Plain.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { hueOf } from "./book.ts";
import {
  type Hit,
  missingHosts,
  NOTHING_FOUND,
  type Search,
  type SearchEnd,
  type SearchItem,
  type SearchWish,
  searchPath,
  takeItems,
} from "./search.ts";
import "./logs.css";

/** What comes is drawn so often. */
const DRAW_MS = 120;
const SHOWN_CHARACTERS = 600;

interface LogSearchProps {
  readonly wish: SearchWish;
  readonly onInstance: (name: string) => void;
  readonly onRequest: (trace: string) => void;
}

/** What of all hosts holds what is looked for: the newest first, as it is found. */
export function LogSearch({ wish, onInstance, onRequest }: LogSearchProps) {
  const t = useTexts("logs");
  const { search, isRunning, stop, again } = useSearch(searchPath(wish));
  const [chosen, setChosen] = useState<number>();
  const { hits, reached, end, error } = search;
  const line = chosen === undefined ? undefined : hits[chosen];
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || hits.length === 0) return;
    event.preventDefault();
    const next = Math.min(hits.length - 1, Math.max(0, (chosen ?? -1) + step));
    setChosen(next);
    document.getElementById(`hit-${next}`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <>
      {error !== undefined && (
        <p className="note is-bad" role="alert">
          <Plain text={error} />
        </p>
      )}
      <div
        className="log log-lines log-hits"
        role="listbox"
        aria-label={t("found.records")}
        aria-activedescendant={line === undefined ? undefined : `hit-${chosen}`}
        tabIndex={0}
        onKeyDown={onKey}
      >
        {hits.map((hit, index) => (
          <Row
            // biome-ignore lint/suspicious/noArrayIndexKey: they come in one order and stay in it.
            key={index}
            hit={hit}
            id={`hit-${index}`}
            isChosen={index === chosen}
            onChoose={() => setChosen(index)}
          />
        ))}
      </div>
      {line !== undefined && (
        <section className="log-chosen" aria-label={t("line")}>
          <header>
            <b className="mono">{withoutEscapes(line.instance)}</b>
            <span className="quiet mono">{line.time}</span>
            <span className="quiet">
              <Plain text={line.host} />
            </span>
            {line.cut !== undefined && <span className="quiet">{t("cut", { count: line.cut })}</span>}
            <button type="button" className="button is-small" onClick={() => onInstance(line.instance)}>
              {t("onlyInstance")}
            </button>
            {line.trace !== undefined && (
              <button type="button" className="button is-small" onClick={() => onRequest(line.trace ?? "")}>
                {t("followRequest")}
              </button>
            )}
            <button type="button" className="button is-small is-bare" onClick={() => setChosen(undefined)}>
              {t("close")}
            </button>
          </header>
          <pre>{withoutEscapes(line.text)}</pre>
        </section>
      )}
      <div className="logs-foot">
        <span role="status">
          {isRunning
            ? t("found.running", { count: hits.length })
            : end !== undefined && hits.length === 0
              ? t("found.nothing")
              : t("found.count", { count: hits.length })}
          {isRunning && reached !== undefined && ` · ${t("found.reached", { time: reached.slice(0, 19) })}`}
          {end !== undefined && <Missing end={end} />}
          {!isRunning && end === undefined && error === undefined && ` · ${t("found.stopped")}`}
        </span>
        {isRunning ? (
          <button type="button" className="button" onClick={stop}>
            {t("found.stop")}
          </button>
        ) : (
          <button type="button" className="button" onClick={again}>
            {t("found.again")}
          </button>
        )}
      </div>
    </>
  );
}

const SEVERITIES: Readonly<Record<string, "critical" | "major" | "minor" | "normal" | "off">> = {
  fatal: "critical",
  error: "major",
  warn: "minor",
  info: "normal",
  debug: "off",
  trace: "off",
};

interface RowProps {
  readonly hit: Hit;
  readonly id: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function Row({ hit, id, isChosen, onChoose }: RowProps) {
  const t = useTexts("logs");
  const { time, instance, host, level, text } = hit;
  const [first = "", ...more] = text.split("\n");
  return (
    <div id={id} className={`log-row log-hit hue-${hueOf(instance)}`} role="option" aria-selected={isChosen} onClick={onChoose}>
      <span className="quiet">
        <span className="log-day">{time.slice(5, 10)} </span>
        {time.slice(11, 23)}
      </span>
      <span className="log-level">
        {level !== undefined && (
          <>
            <Shape severity={SEVERITIES[level] ?? "unknown"} /> {level}
          </>
        )}
      </span>
      <span className="log-who clip" title={`${instance} · ${host}`}>
        {withoutEscapes(instance)}
      </span>
      <span className="log-text">
        {withoutEscapes(first.slice(0, SHOWN_CHARACTERS))}
        {more.length > 0 && <span className="quiet"> {t("found.more", { count: more.length })}</span>}
      </span>
    </div>
  );
}

/** What was not looked at, and what is not there any more. */
function Missing({ end }: { readonly end: SearchEnd }) {
  const t = useTexts("logs");
  const said = [
    ...(end.limit === undefined ? [] : [t("found.limit", { count: end.limit })]),
    ...missingHosts(end).map(({ host, state, reached }) =>
      reached === undefined
        ? t("found.host", { host, state: t(`found.states.${state}`) })
        : t("found.hostReached", { host, time: reached.slice(0, 19) }),
    ),
    ...(end.damaged > 0 ? [t("found.damaged", { count: end.damaged })] : []),
    ...end.dropped.map(({ host, service, name, until }) => t("found.dropped", { name: service ?? name ?? "", host, time: until.slice(0, 19) })),
  ];
  return said.map((one) => (
    <span key={one}>
      {" "}
      · <Plain text={one} />
    </span>
  ));
}

interface Running {
  readonly search: Search;
  readonly isRunning: boolean;
  readonly stop: () => void;
  readonly again: () => void;
}

/** Asks, and asks anew when the question changes; what nobody waits for any more is ended on all hosts. */
function useSearch(path: string): Running {
  const [search, setSearch] = useState<Search>(NOTHING_FOUND);
  const [isRunning, setRunning] = useState(true);
  const [round, setRound] = useState(0);
  const [stopping, setStopping] = useState<AbortController>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks again
  useEffect(() => {
    const over = new AbortController();
    let waiting: SearchItem[] = [];
    const draw = (): void => {
      const items = waiting;
      waiting = [];
      if (items.length > 0) setSearch((now) => takeItems(now, items));
    };
    setSearch(NOTHING_FOUND);
    setRunning(true);
    setStopping(over);
    const timer = setInterval(draw, DRAW_MS);
    const run = async (): Promise<void> => {
      try {
        for await (const item of sendForLines<SearchItem>({ path, signal: over.signal })) waiting.push(item);
      } catch (failure) {
        if (!over.signal.aborted) waiting.push({ error: { message: failure instanceof ApiError ? failure.message : String(failure) } });
      }
      clearInterval(timer);
      draw();
      setRunning(false);
    };
    // While one types, the question changes with each letter.
    const begin = setTimeout(() => void run(), DRAW_MS * 2);
    return () => {
      clearTimeout(begin);
      clearInterval(timer);
      waiting = [];
      over.abort();
    };
  }, [path, round]);
  return {
    search,
    isRunning,
    stop: () => {
      stopping?.abort();
      setRunning(false);
    },
    again: () => setRound((now) => now + 1),
  };
}
