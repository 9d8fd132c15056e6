import { type KeyboardEvent, useDeferredValue } from "react";
import { useNow, useView } from "../../api/live.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { Time } from "../../parts/Age.tsx";
import { useAnswer } from "../../parts/answers.ts";
import { formatMs } from "../../parts/call-figures.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import "../../parts/data-table.css";
import "../../parts/tools.css";
import "./calls.css";
import { useCallerName } from "./names.ts";
import { Result } from "./Result.tsx";
import { type GatheredCall, keyOfCall, type RecordedFilters, type RecordedList, recordedPath, SLOW, SPANS, spanOf } from "./recorded.ts";
import { TraceDrawer } from "./TraceDrawer.tsx";
import { ViewChoice } from "./ViewChoice.tsx";

const MINUTE_MS = 60_000;
/** Each question is asked of all gateways. */
const AGAIN_MS = 10_000;
const LONG_AGAIN_MS = 60_000;

/** Which calls were there, one by one, and of which request was each? */
export function Recorded() {
  const t = useTexts("calls");
  const [service, setService] = useParam("service");
  const [caller, setCaller] = useParam("caller");
  const [domain, setDomain] = useParam("domain");
  const [failed, setFailed] = useParam("failed");
  const [slow, setSlow] = useParam("slow");
  const [since, setSince] = useParam("since");
  const [open, setOpen] = useParam("open");
  const span = spanOf(since);
  const typed = { service, caller };
  const fields = useDeferredValue(typed, typed);
  const filters: RecordedFilters = { ...fields, domain, isFailed: failed !== "", slow, span };
  const minuteMs = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS;
  const list = useAnswer<RecordedList>(recordedPath(filters, minuteMs), SPANS[span] > SPANS["1h"] ? LONG_AGAIN_MS : AGAIN_MS);
  const domains = useView<{ readonly metadata: { readonly name: string } }>({ of: "objects", resource: "servicedomains", limit: 200 });
  const items = list.value?.items ?? [];
  const missing = list.value?.missing ?? [];
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead title={t("title")} isStale={list.isStale}>
          {t("recordedAbout")}
        </PageHead>
        <div className="tools record-tools">
          <ViewChoice />
          <input
            className="input"
            type="search"
            data-search=""
            aria-label={t("service")}
            placeholder={t("service")}
            spellCheck={false}
            value={service}
            onChange={(event) => setService(event.target.value)}
          />
          <input
            className="input"
            type="search"
            aria-label={t("callerField")}
            placeholder={t("callerField")}
            spellCheck={false}
            value={caller}
            onChange={(event) => setCaller(event.target.value)}
          />
          {(domains.total > 0 || domain !== "") && (
            <select className="input" aria-label={t("domain")} value={domain} onChange={(event) => setDomain(event.target.value)}>
              <option value="">{t("anyDomain")}</option>
              {[...new Set([...domains.rows.map(({ key }) => key.split("/").at(-1) ?? ""), domain])]
                .filter((one) => one !== "")
                .map((one) => (
                  <option key={one}>{one}</option>
                ))}
            </select>
          )}
          <button type="button" className="button" aria-pressed={failed !== ""} onClick={() => setFailed(failed === "" ? "true" : "")}>
            {t("onlyFailed")}
          </button>
          <select className="input" aria-label={t("slow")} value={slow} onChange={(event) => setSlow(event.target.value)}>
            <option value="">{t("anyLength")}</option>
            {[...new Set([...SLOW, ...(slow === "" ? [] : [slow])])].map((one) => (
              <option key={one} value={one}>
                ≥ {one}
              </option>
            ))}
          </select>
          <select className="input" aria-label={t("since")} value={span} onChange={(event) => setSince(event.target.value)}>
            {Object.keys(SPANS).map((one) => (
              <option key={one} value={one}>
                {t(`spans.${one}`)}
              </option>
            ))}
          </select>
        </div>
        {missing.map(({ gateway, host, message }) => (
          <p key={gateway} className="small" role="status">
            <Shape severity="minor" /> {t("missingGateway", { gateway, host, message })}
          </p>
        ))}
        <Standing resource={null} live={{ ...list, total: items.length }} empty={t("noRecords")}>
          <div className={`data-table${list.isStale ? " is-stale" : ""}`}>
            <table aria-label={t("title")} aria-busy={list.isLoading} onKeyDown={walk}>
              <thead>
                <tr>
                  <th scope="col" style={{ width: "92px" }}>
                    {t("when")}
                  </th>
                  <th scope="col" style={{ width: "19%" }}>
                    {t("parts.caller")}
                  </th>
                  <th scope="col" style={{ width: "19%" }}>
                    {t("parts.service")}
                  </th>
                  <th scope="col" className="is-extra">
                    {t("request")}
                  </th>
                  <th scope="col" style={{ width: "20%" }}>
                    {t("result")}
                  </th>
                  <th scope="col" className="number" style={{ width: "88px" }}>
                    {t("took")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((call) => (
                  <Row
                    key={keyOfCall(call)}
                    call={call}
                    isOpen={open !== "" && open === (call.traceId ?? "-")}
                    onOpen={() => setOpen(call.traceId ?? "-", { isStep: true })}
                  />
                ))}
              </tbody>
            </table>
          </div>
          {list.value?.isCut === true && <p className="quiet small">{t("cut", { count: items.length })}</p>}
        </Standing>
      </div>
      {open !== "" && <TraceDrawer trace={open} domain={domain} onClose={() => setOpen("")} />}
    </div>
  );
}

/** Arrow keys go from call to call, as in every list. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("tr[data-index] a")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  links[Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
}

function Row({ call, isOpen, onOpen }: { readonly call: GatheredCall; readonly isOpen: boolean; readonly onOpen: () => void }) {
  const nameOf = useCallerName();
  return (
    <tr aria-selected={isOpen} data-index="" onClick={onOpen}>
      <td className="clip">
        <Time at={Date.parse(call.time)} />
      </td>
      <td className="clip">
        <span className={call.caller === "" || call.caller === "?" ? "quiet" : undefined}>{nameOf(call.caller)}</span>
      </td>
      <td className="clip">
        {/* Keys reach a row by its link. */}
        <a
          {...linkTo(`/calls?view=recorded&open=${call.traceId ?? "-"}`)}
          onClick={(event) => {
            event.preventDefault();
            event.stopPropagation();
            onOpen();
          }}
        >
          <bdi>{call.service ?? "–"}</bdi>
        </a>
      </td>
      <td className="clip is-extra mono small" title={`${call.method} ${call.path}`}>
        <bdi>
          {call.method} {call.path}
        </bdi>
      </td>
      <td className="clip" title={call.error}>
        <Result call={call} />
      </td>
      <td className="number">{formatMs(call.durationMs)}</td>
    </tr>
  );
}
