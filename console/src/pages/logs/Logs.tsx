import { type FormEvent, useDeferredValue, useEffect, useMemo, useState } from "react";
import type { LogRow, StreamError, TableRow, ViewWish } from "../../../../src/face/views/protocol.ts";
import { stream, useView } from "../../api/live.ts";
import { ApiError, send } from "../../api/request.ts";
import { Icon } from "../../frame/icons.tsx";
import { useParam } from "../../frame/location.ts";
import { withoutEscapes } from "../../parts/escapes.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { useTexts } from "../../texts/index.ts";
import { AccessLines } from "./AccessLines.tsx";
import { type Book, type BookLine, EMPTY_BOOK, pauseBook, readJsonLines, resumeBook, takeLines, traceIn, utcTime } from "./book.ts";
import { LogList } from "./LogList.tsx";
import { LogSearch } from "./LogSearch.tsx";
import { LEVELS } from "./search.ts";

/** Minutes back from now. */
const SPANS = ["5", "15", "60", "360", "1440", "10080"] as const;
/** Of a stretch of time, which is read once. */
const RANGE_LINES_MAX = 10_000;
const TEXT_MAX = 200;

const listOf = (text: string): readonly string[] => text.split(",").filter((one) => one !== "");

/** What did they write, all together? Live, or of a stretch of time; of some services or instances, or one request through all of them. */
export default function Logs() {
  const t = useTexts("logs");
  const [services, setServices] = useParam("service");
  const [instances, setInstances] = useParam("instance");
  const [text, setText] = useParam("q");
  const [request, setRequest] = useParam("request");
  const [span, setSpan] = useParam("since");
  const [from, setFrom] = useParam("from");
  const [until, setUntil] = useParam("until");
  const [mode, setMode] = useParam("mode");
  const [level, setLevel] = useParam("level");
  const [whose, setWhose] = useParam("of");
  const trace = traceIn(request);
  const isSearch = mode === "search";
  const deferred = useDeferredValue(text);
  const searched = deferred.trim().slice(0, TEXT_MAX);
  const isRange = span === "range";
  const looked: Look = useMemo(
    () => ({ services: listOf(services), instances: listOf(instances), texts: trace !== undefined ? [trace] : searched === "" ? [] : [searched] }),
    [services, instances, trace, searched],
  );
  const chips = [
    ...looked.services.map((name) => ({ name, drop: () => setServices(looked.services.filter((one) => one !== name).join(",")) })),
    ...looked.instances.map((name) => ({ name, drop: () => setInstances(looked.instances.filter((one) => one !== name).join(",")) })),
  ];
  return (
    <div className="page logs">
      <PageHead title={t("title")}>{trace !== undefined ? t("ofRequest", { trace }) : isSearch ? t("found.sentence") : t("sentence")}</PageHead>
      <div className="tools">
        <div className="choice" role="group" aria-label={t("modes.title")}>
          {["", "search"].map((one) => (
            <button key={one} type="button" aria-pressed={isSearch === (one === "search")} onClick={() => setMode(one, { isStep: true })}>
              {t(one === "search" ? "modes.search" : "modes.live")}
            </button>
          ))}
        </div>
        <ServiceInput onAdd={(name) => setServices([...new Set([...looked.services, name])].join(","))} />
        {chips.map(({ name, drop }) => (
          <span key={name} className="chip">
            <span className="clip">{name}</span>
            <button type="button" className="button is-bare is-small" aria-label={t("without", { name })} onClick={drop}>
              <Icon name="close" />
            </button>
          </span>
        ))}
        <input
          className="input search"
          type="search"
          data-search=""
          aria-label={t(isSearch ? "found.words" : "search")}
          placeholder={t(isSearch ? "found.words" : "search")}
          maxLength={TEXT_MAX}
          spellCheck={false}
          value={text}
          disabled={trace !== undefined && !isSearch}
          onChange={(event) => setText(event.target.value)}
        />
        <input
          className="input search"
          aria-label={t("request")}
          placeholder={t("request")}
          spellCheck={false}
          autoComplete="off"
          value={request}
          aria-invalid={request !== "" && trace === undefined}
          onChange={(event) => setRequest(event.target.value.trim())}
        />
        <label className="quiet">
          {t("time")}
          <select className="input" value={isSearch && span === "" ? "60" : span} onChange={(event) => setSpan(event.target.value)}>
            {!isSearch && <option value="">{t("newest")}</option>}
            {SPANS.map((minutes) => (
              <option key={minutes} value={minutes}>
                {t(`spans.${minutes}`)}
              </option>
            ))}
            <option value="range">{t("spans.range")}</option>
          </select>
        </label>
        {isSearch && (
          <>
            <label className="quiet">
              {t("found.level")}
              <select className="input" value={level} onChange={(event) => setLevel(event.target.value)}>
                <option value="">{t("found.anyLevel")}</option>
                {LEVELS.map((one) => (
                  <option key={one} value={one}>
                    {t("found.atLeast", { level: one })}
                  </option>
                ))}
              </select>
            </label>
            <label className="quiet">
              {t("found.whose")}
              <select className="input" value={whose} onChange={(event) => setWhose(event.target.value)}>
                <option value="">{t("found.services")}</option>
                <option value="platform">{t("found.platform")}</option>
              </select>
            </label>
          </>
        )}
        {isRange && (
          <>
            <label className="quiet">
              {t("from")}
              <input className="input" type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />
            </label>
            <label className="quiet">
              {t("until")}
              <input className="input" type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />
            </label>
          </>
        )}
      </div>
      {request !== "" && trace === undefined && <p className="note">{t("noTrace")}</p>}
      {trace !== undefined && <AccessLines trace={trace} />}
      {isSearch ? (
        <LogSearch
          wish={{
            words: deferred,
            services: looked.services,
            instance: looked.instances[0] ?? "",
            trace,
            level,
            span,
            from,
            until,
            isPlatform: whose === "platform",
          }}
          onInstance={(name) => setInstances(name, { isStep: true })}
          onRequest={(id) => setRequest(id, { isStep: true })}
        />
      ) : (
        <LiveLines
          look={looked}
          span={span}
          range={isRange ? { from: utcTime(from), until: utcTime(until) } : undefined}
          onInstance={(name) => setInstances(name, { isStep: true })}
          onRequest={(id) => setRequest(id, { isStep: true })}
        />
      )}
    </div>
  );
}

interface LiveLinesProps {
  readonly look: Look;
  readonly span: string;
  readonly range: Range | undefined;
  readonly onInstance: (name: string) => void;
  readonly onRequest: (trace: string) => void;
}

/** Lines as they come, or of a stretch of time. */
function LiveLines({ look, span, range, onInstance, onRequest }: LiveLinesProps) {
  const t = useTexts("logs");
  const { book, change, error, isLoading, isOver } = useLines(look, span, range);
  const [chosen, setChosen] = useState<BookLine>();
  return (
    <>
      {error !== undefined && (
        <p className="note is-bad" role="alert">
          {error}
        </p>
      )}
      <LogList book={book} chosen={chosen} onChoose={setChosen} onPause={() => change(pauseBook)} onResume={() => change(resumeBook)} />
      {chosen !== undefined && (
        <Chosen line={chosen} onClose={() => setChosen(undefined)} onInstance={() => onInstance(chosen.instance)} onRequest={onRequest} />
      )}
      <div className="logs-foot">
        <span role="status">
          {book.shown.length === 0 && !isLoading && error === undefined ? t("nothing") : t("count", { count: book.shown.length })}
          {book.waiting.length > 0 && ` · ${t("waiting", { count: book.waiting.length })}`}
          {book.dropped > 0 && ` · ${t("dropped", { count: book.dropped })}`}
          {isOver && ` · ${t("over")}`}
        </span>
        {range === undefined && (
          <button type="button" className="button" aria-pressed={book.isPaused} onClick={() => change(book.isPaused ? resumeBook : pauseBook)}>
            <Icon name={book.isPaused ? "play" : "pause"} /> {book.isPaused ? t("goOn") : t("pause")}
          </button>
        )}
      </div>
    </>
  );
}

interface Look {
  readonly services: readonly string[];
  readonly instances: readonly string[];
  readonly texts: readonly string[];
}

interface Range {
  readonly from: string | undefined;
  readonly until: string | undefined;
}

interface Lines {
  readonly book: Book;
  readonly change: (by: (book: Book) => Book) => void;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  readonly isOver: boolean;
}

/** The lines of a question: followed, or read once where they have an end. */
function useLines(look: Look, span: string, range: Range | undefined): Lines {
  const [book, setBook] = useState<Book>(EMPTY_BOOK);
  const [error, setError] = useState<string>();
  const [isLoading, setLoading] = useState(true);
  const [isOver, setOver] = useState(false);
  const question = JSON.stringify({ look, span, range });
  useEffect(() => {
    const asked = JSON.parse(question) as { readonly look: Look; readonly span: string; readonly range?: Range };
    setError(undefined);
    setLoading(true);
    setOver(false);
    setBook(EMPTY_BOOK);
    const take = (lines: readonly LogRow[], isFresh: boolean): void => {
      setLoading(false);
      setBook((now) => takeLines(now, lines, isFresh));
    };
    if (asked.range !== undefined) {
      const stop = new AbortController();
      send<unknown>({ path: rangePath(asked.look, asked.range), signal: stop.signal }).then(
        (body) => {
          take(readJsonLines(body), true);
          setOver(true);
        },
        (failure: unknown) => {
          if (stop.signal.aborted) return;
          setLoading(false);
          setError(failure instanceof ApiError ? failure.message : String(failure));
        },
      );
      return () => stop.abort();
    }
    const handle = stream.open(wishOf(asked.look, asked.span));
    handle.onLines = ({ lines, fresh, isOver: isEnd }) => {
      take(lines, fresh === true);
      if (isEnd === true) setOver(true);
    };
    const stop = handle.subscribe(() => {
      const failure: StreamError | undefined = handle.value.error;
      setError(failure?.message);
      if (failure !== undefined) setLoading(false);
    });
    return () => {
      stop();
      handle.close();
    };
  }, [question]);
  return { book, change: setBook, error, isLoading, isOver };
}

function wishOf({ services, instances, texts }: Look, span: string): ViewWish {
  const minutes = Number(span);
  return {
    of: "log",
    ...(services.length > 0 && { services: [...services] }),
    ...(instances.length > 0 && { instances: [...instances] }),
    ...(texts.length > 0 && { text: [...texts], ignoreCase: true }),
    ...(minutes > 0 && { sinceMinutes: minutes, tail: 10_000 }),
  };
}

function rangePath({ services, instances, texts }: Look, { from, until }: Range): string {
  const query = new URLSearchParams({ format: "json", tailLines: String(RANGE_LINES_MAX) });
  for (const one of services) query.append("service", one);
  for (const one of instances) query.append("instance", one);
  if (services.length + instances.length === 0) query.set("all", "true");
  for (const one of texts) query.append("text", one);
  if (texts.length > 0) query.set("ignoreCase", "true");
  if (from !== undefined) query.set("sinceTime", from);
  if (until !== undefined) query.set("untilTime", until);
  return `/logs?${query}`;
}

const HINTS = 20;

/** Adds a service; those that fit are offered by the server while one types. */
function ServiceInput({ onAdd }: { readonly onAdd: (name: string) => void }) {
  const t = useTexts("logs");
  const [name, setName] = useState("");
  const typed = useDeferredValue(name.trim());
  const live = useView<TableRow>({
    of: "objects",
    resource: "microservices",
    columns: [".metadata.name"],
    limit: HINTS,
    ...(typed !== "" && { search: typed }),
  });
  const names = live.rows.map(({ row }) => row.name);
  const add = (wish: string): void => {
    onAdd(wish);
    setName("");
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const [found] = names.includes(name.trim()) ? [name.trim()] : names;
    if (typed !== "" && found !== undefined) add(found);
  };
  return (
    <form onSubmit={submit}>
      <input
        className="input search"
        list="log-services"
        aria-label={t("service")}
        placeholder={t("service")}
        spellCheck={false}
        autoComplete="off"
        value={name}
        onChange={(event) => {
          const { value } = event.target;
          // One that was chosen from the list comes whole; what is typed comes letter by letter, and waits for Enter.
          if (names.includes(value) && Math.abs(value.length - name.length) > 1) add(value);
          else setName(value);
        }}
      />
      <datalist id="log-services">
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </form>
  );
}

interface ChosenProps {
  readonly line: BookLine;
  readonly onClose: () => void;
  readonly onInstance: () => void;
  readonly onRequest: (trace: string) => void;
}

/** The whole of a line, as text; and the request that it is of. */
function Chosen({ line, onClose, onInstance, onRequest }: ChosenProps) {
  const t = useTexts("logs");
  const trace = traceIn(line.text);
  return (
    <section className="log-chosen" aria-label={t("line")}>
      <header>
        <b className="mono">{withoutEscapes(line.instance)}</b>
        <span className="quiet mono">{line.at ?? t("noTime")}</span>
        {line.isBinary === true && <span className="quiet">{t("binary")}</span>}
        {line.cut !== undefined && <span className="quiet">{t("cut", { count: line.cut })}</span>}
        <button type="button" className="button is-small" onClick={onInstance}>
          {t("onlyInstance")}
        </button>
        {trace !== undefined && (
          <button type="button" className="button is-small" onClick={() => onRequest(trace)}>
            {t("followRequest")}
          </button>
        )}
        <button type="button" className="button is-small is-bare" onClick={onClose}>
          {t("close")}
        </button>
      </header>
      <pre>{withoutEscapes(line.text)}</pre>
    </section>
  );
}
