import { useMemo, useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { stream, useView } from "../../api/live.ts";
import { mayEdit } from "../../api/rights.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { Drawer } from "../../parts/Drawer.tsx";
import { Later, Show } from "../../parts/later.tsx";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { NEW, NewObject } from "../../parts/manifest/NewObject.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { moved, readRange, USUAL_SPAN, writeRange, zoomed } from "../../parts/plot/range.ts";
import { useTexts } from "../../texts/index.ts";
import { Board, type BoardTime } from "./Board.tsx";
import { hostBoard, serviceBoard, siteBoard } from "./boards.ts";
import { DomainBoard } from "./DomainBoard.tsx";
import { OwnBoard } from "./OwnBoard.tsx";
import { TimeControl } from "./TimeControl.tsx";
import "./monitoring.css";

// An editor, which most who look never need.
const query = new Later<{ readonly time: BoardTime }>(() => import("./Query.tsx"), <Loading />);

function Loading() {
  const t = useTexts("monitoring");
  return (
    <p className="standing quiet" aria-busy="true">
      {t("loading")}
    </p>
  );
}

const SUBJECTS = ["site", "host", "service", "domain", "dashboard", "query"] as const;
type Subject = (typeof SUBJECTS)[number];
/** Of what one is chosen, and where it is listed. */
const LISTED: Readonly<Partial<Record<Subject, string>>> = {
  host: "hosts",
  service: "microservices",
  domain: "servicedomains",
  dashboard: "dashboards",
};

/** How did it go? Plots of the site, of a host, a service, of one's own, and questions, under one time. */
export default function Monitoring() {
  const t = useTexts("monitoring");
  const [subjectText, setSubject] = useParam("of", "site");
  const subject = SUBJECTS.find((one) => one === subjectText) ?? "site";
  const [name, setName] = useParam("name");
  const [edited, setEdited] = useParam("open");
  const { time, control } = useTime();
  const resource = LISTED[subject];
  const chosen = useNames(resource, name);
  const shown = chosen.name;

  const board = useMemo(() => {
    if (subject === "host") return shown === "" ? [] : hostBoard(t, shown);
    return subject === "service" ? (shown === "" ? [] : serviceBoard(t, shown)) : siteBoard(t);
  }, [subject, shown, t]);

  const details =
    edited === NEW ? (
      <NewObject
        kind="Dashboard"
        resource="dashboards"
        namespace=""
        onClose={() => setEdited("")}
        onMade={(made) => {
          setEdited("");
          setName(made);
        }}
      />
    ) : edited === "" ? null : (
      <Drawer label={t("editing", { name: edited })} of={edited} onClose={() => setEdited("")}>
        <PageHead level={2} title={<Plain text={edited} />} />
        <div className="tab-panel">
          <ManifestTab kind="Dashboard" resource="dashboards" namespace="" name={edited} />
        </div>
      </Drawer>
    );
  return (
    <div className={`with-drawer${details === null ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={t("title")} actions={<Actions subject={subject} name={shown} onOpen={(which) => setEdited(which, { isStep: true })} />}>
          {resource !== undefined && shown === "" ? "" : t(`sentences.${subject}`, { name: shown })}
        </PageHead>
        <div className="tools">
          <fieldset className="spans">
            <legend className="only-read">{t("ofWhat")}</legend>
            {SUBJECTS.map((one) => (
              <button
                key={one}
                type="button"
                className="button is-bare"
                aria-pressed={one === subject}
                onClick={() => {
                  setName("");
                  setSubject(one, { isStep: true });
                }}
              >
                {t(`subjects.${one}`)}
              </button>
            ))}
          </fieldset>
          {resource !== undefined && (
            <NameSelect label={t(`subjects.${subject}`)} {...chosen} onChange={(value) => setName(value, { isStep: true })} />
          )}
        </div>
        {control}
        {resource !== undefined && shown === "" ? (
          <p className="standing quiet">{chosen.isLoading ? t("loading") : (chosen.problem ?? t(`none.${subject}`))}</p>
        ) : subject === "query" ? (
          <Show of={query} given={{ time }} />
        ) : subject === "domain" ? (
          <DomainBoard key={shown} name={shown} time={time} />
        ) : subject === "dashboard" ? (
          <OwnBoard key={shown} name={shown} time={time} />
        ) : (
          <Board key={`${subject}-${shown}`} plots={board} time={time} />
        )}
      </div>
      {details}
    </div>
  );
}

/** The time of all plots, in the address; what changes it is fixed, until somebody wants it live again. */
function useTime(): { readonly time: BoardTime; readonly control: React.ReactNode } {
  const [from, setFrom] = useParam("from", USUAL_SPAN);
  const [to, setTo] = useParam("to");
  const [span, setSpan] = useState(to === "" ? from : USUAL_SPAN);
  const range = useMemo(() => readRange(from, to, stream.now()), [from, to]);
  return useMemo(() => {
    const fix = (next: { readonly fromMs: number; readonly toMs: number }): void => {
      const words = writeRange(next);
      setFrom(words.from, { isStep: true });
      setTo(words.to);
    };
    const time = {
      range,
      onZoom: (fromMs: number, toMs: number) => fix({ fromMs, toMs }),
      onPan: (part: number) => fix(moved(range, part, stream.now())),
      onWiden: () => fix(zoomed(range, 2, stream.now())),
    };
    const live = (chosen: string): void => {
      setSpan(chosen);
      setFrom(chosen, { isStep: true });
      setTo("");
    };
    return { time, control: <TimeControl range={range} span={span} onLive={live} onFixed={fix} /> };
  }, [range, span, setFrom, setTo]);
}

interface Names {
  /** The one that is shown: what the address says, else the first. */
  readonly name: string;
  /** At most so many as a list is good for; of more, those that are searched for. */
  readonly names: readonly string[];
  readonly isLoading: boolean;
  readonly isSearched: boolean;
  readonly search: (text: string) => void;
  /** Why there is no list. */
  readonly problem: string | undefined;
}

const NAMES_MAX = 500;

function useNames(resource: string | undefined, wanted: string): Names {
  const [text, setText] = useState("");
  const view = { of: "objects" as const, columns: [".metadata.name"], sort: { by: "name" }, limit: NAMES_MAX };
  const live = useView<TableRow>(resource === undefined ? undefined : { ...view, resource, ...(text !== "" && { search: text }) });
  const names = live.rows.map(({ row }) => (row.namespace === undefined || row.namespace === "default" ? row.name : `${row.namespace}/${row.name}`));
  const name = wanted === "" ? (names[0] ?? "") : wanted;
  const isSearched = text !== "" || live.total > NAMES_MAX;
  return { name, names, isLoading: live.isLoading, isSearched, search: setText, problem: live.error?.message };
}

interface NameSelectProps extends Names {
  readonly label: string;
  readonly onChange: (value: string) => void;
}

function NameSelect({ label, name, names, isSearched, search, onChange }: NameSelectProps) {
  const [typed, setTyped] = useState<string>();
  if (isSearched)
    return (
      <label className="facet">
        <span className="only-read">{label}</span>
        <input
          className="input"
          type="search"
          list="monitoring-names"
          value={typed ?? name}
          onChange={({ target: { value } }) => {
            setTyped(value);
            if (names.includes(value)) onChange(value);
            else search(value);
          }}
          onBlur={() => setTyped(undefined)}
        />
        <datalist id="monitoring-names">
          {names.slice(0, 50).map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </label>
    );
  return (
    <label className="facet">
      <span className="only-read">{label}</span>
      <select className="input" value={name} onChange={(event) => onChange(event.target.value)}>
        {name !== "" && !names.includes(name) && <option value={name}>{name}</option>}
        {names.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}

function Actions({ subject, name, onOpen }: { readonly subject: Subject; readonly name: string; readonly onOpen: (which: string) => void }) {
  const t = useTexts("monitoring");
  if (subject === "host" && name !== "")
    return (
      <a className="button" {...linkTo(`/hosts?open=${encodeURIComponent(name)}`)}>
        {t("toHost")}
      </a>
    );
  if (subject === "service" && name !== "")
    return (
      <a className="button" {...linkTo(`/services?open=${name.includes("/") ? name : `default/${name}`}`)}>
        {t("toService")}
      </a>
    );
  if (subject !== "dashboard" || !mayEdit("dashboards")) return null;
  return (
    <>
      {name !== "" && (
        <button type="button" className="button" onClick={() => onOpen(name)}>
          {t("edit")}
        </button>
      )}
      <button type="button" className="button" onClick={() => onOpen(NEW)}>
        {t("newBoard")}
      </button>
    </>
  );
}
