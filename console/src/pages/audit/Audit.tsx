import { type KeyboardEvent, useDeferredValue, useState } from "react";
import { useNow } from "../../api/live.ts";
import { download } from "../../api/request.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { Age, Time } from "../../parts/Age.tsx";
import { useAnswer } from "../../parts/answers.ts";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape, State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { AuditDrawer } from "./AuditDrawer.tsx";
import { ChainState } from "./ChainState.tsx";
import { type AuditEntry, type AuditHead, auditPath, endingOf, type Filters, isSpan, SEVERITY_OF, SPANS } from "./entry.ts";
import "../../parts/data-table.css";
import "./audit.css";

const PAGE_ROWS = 100;
const LIVE_MS = 5_000;
const MINUTE_MS = 60_000;

interface AuditList {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly AuditEntry[];
  /** Where the chain is not what was written. */
  readonly problems?: readonly { readonly seq: number; readonly message: string }[];
}

/** Who did what, when, why, and what came of it? */
export default function Audit() {
  const t = useTexts("audit");
  const [text, setText] = useParam("q");
  const [user, setUser] = useParam("user");
  const [action, setAction] = useParam("action");
  const [object, setObject] = useParam("object");
  const [since, setSince] = useParam("since");
  const [until, setUntil] = useParam("until");
  const [before, setBefore] = useParam("before");
  const [open, setOpen] = useParam("open");
  const filters: Filters = useDeferredValue({ text, user, action, object, since, until }, { text, user, action, object, since, until });
  const minuteMs = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS;
  const list = useAnswer<AuditList>(auditPath(filters, { nowMs: minuteMs, before, limit: PAGE_ROWS }), LIVE_MS);
  const head = useAnswer<AuditHead>("/audit/head", LIVE_MS);
  const [exported, setExported] = useState<number>();
  const deeds = useDeed(exported);
  const items = list.value?.items ?? [];
  const problems = list.value?.problems ?? [];
  const rows = [...items, ...problems].toSorted((a, b) => b.seq - a.seq);
  const isFiltered = [text, user, action, object, since, until, before].some((one) => one !== "");
  const older = list.value?.metadata.continue;
  /** Another question begins at its newest answer. */
  const put = (set: (value: string) => void) => (event: { readonly target: { readonly value: string } }) => {
    setBefore("");
    set(event.target.value);
  };
  const exportAll = (): Promise<string | undefined> =>
    deeds.run({
      title: t("export"),
      send: async () => setExported(await download("/audit/export", `audit-${new Date(minuteMs).toISOString().slice(0, 10)}.txt`)),
      doneText: t("exported"),
    });
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead
          title={t("title")}
          isStale={list.isStale}
          actions={
            head.value !== undefined && (
              <button type="button" className="button" onClick={exportAll}>
                {t("export")}
              </button>
            )
          }
        />
        <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
        {head.value !== undefined && <ChainState head={head.value} isStale={head.isStale} isAmiss={problems.length > 0} />}
        <div className="tools audit-tools">
          <input
            className="input search"
            type="search"
            data-search=""
            aria-label={t("search")}
            placeholder={t("search")}
            spellCheck={false}
            value={text}
            onChange={put(setText)}
          />
          <input className="input" aria-label={t("who")} placeholder={t("who")} spellCheck={false} value={user} onChange={put(setUser)} />
          <input
            className="input"
            aria-label={t("action")}
            placeholder={t("actionHint")}
            spellCheck={false}
            value={action}
            onChange={put(setAction)}
          />
          <input
            className="input"
            aria-label={t("object")}
            placeholder={t("objectHint")}
            spellCheck={false}
            value={object}
            onChange={put(setObject)}
          />
          <select className="input" aria-label={t("since")} value={isSpan(since) || since === "" ? since : "at"} onChange={put(setSince)}>
            <option value="">{t("always")}</option>
            {Object.keys(SPANS).map((span) => (
              <option key={span} value={span}>
                {t(`spans.${span}`)}
              </option>
            ))}
            {since !== "" && !isSpan(since) && <option value="at">{since}</option>}
          </select>
          <input className="input" aria-label={t("until")} placeholder={t("untilHint")} spellCheck={false} value={until} onChange={put(setUntil)} />
        </div>
        <Standing resource={null} live={{ ...list, total: rows.length }} empty={isFiltered ? t("nothing") : t("empty")}>
          <div className={`data-table${list.isStale ? " is-stale" : ""}`}>
            <table aria-label={t("title")} aria-busy={list.isLoading} onKeyDown={walk}>
              <thead>
                <tr>
                  <th scope="col" style={{ width: "120px" }}>
                    {t("when")}
                  </th>
                  <th scope="col" style={{ width: "18%" }}>
                    {t("who")}
                  </th>
                  <th scope="col" style={{ width: "22%" }}>
                    {t("action")}
                  </th>
                  <th scope="col">{t("object")}</th>
                  <th scope="col" className="is-extra" style={{ width: "20%" }}>
                    {t("why")}
                  </th>
                  <th scope="col" className="is-extra" style={{ width: "120px" }}>
                    {t("outcome")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) =>
                  "is" in row ? (
                    <Row key={row.seq} entry={row} isOpen={open === String(row.seq)} onOpen={() => setOpen(String(row.seq), { isStep: true })} />
                  ) : (
                    <tr key={`${row.seq} ${row.message}`} data-problem={row.seq}>
                      <td colSpan={4} className="clip" title={row.message}>
                        <Shape severity="critical" /> {t("amiss")} <span className="quiet small">{row.message}</span>
                      </td>
                      <td className="is-extra" />
                      <td className="is-extra" />
                    </tr>
                  ),
                )}
              </tbody>
            </table>
          </div>
          <div className="tail-foot">
            <span>
              {before === "" ? t("live") : t("past")}
              {list.atMs !== undefined && (
                <>
                  {" "}
                  · <Age at={list.atMs} isAgo />
                </>
              )}
            </span>
            <span className="page-actions">
              {before !== "" && (
                <button type="button" className="button is-small" onClick={() => setBefore("", { isStep: true })}>
                  {t("newest")}
                </button>
              )}
              {older !== undefined && (
                <button type="button" className="button is-small" onClick={() => setBefore(older, { isStep: true })}>
                  {t("older")}
                </button>
              )}
            </span>
          </div>
        </Standing>
      </div>
      {open !== "" && <AuditDrawer seq={open} known={items.find(({ seq }) => String(seq) === open)} onClose={() => setOpen("")} />}
    </div>
  );
}

/** Arrow keys go from entry to entry, as in every list. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const links: Element[] = [...event.currentTarget.querySelectorAll("tr[data-index] a")];
  const at = document.activeElement === null ? -1 : links.indexOf(document.activeElement);
  (links[Math.min(links.length - 1, Math.max(0, at + step))] as HTMLElement | undefined)?.focus();
}

function Row({ entry, isOpen, onOpen }: { readonly entry: AuditEntry; readonly isOpen: boolean; readonly onOpen: () => void }) {
  const t = useTexts("audit");
  const { seq, at, who, action, object, reason, outcome } = entry;
  const ending = endingOf(entry);
  const state = { severity: SEVERITY_OF[ending], word: t(`endings.${ending}`), ...(outcome?.message !== undefined && { message: outcome.message }) };
  return (
    <tr aria-selected={isOpen} data-index={seq} onClick={onOpen}>
      <td className="clip">
        <Time at={Date.parse(at)} />
      </td>
      <td className="clip">
        <bdi>{who?.name ?? t("chain")}</bdi>
      </td>
      <td className="clip">
        {/* Keys reach a row by its link. */}
        <a
          {...linkTo(`/audit?open=${seq}`)}
          onClick={(event) => {
            event.preventDefault();
            event.stopPropagation();
            onOpen();
          }}
          title={action}
        >
          {action ?? t("chain")}
        </a>
      </td>
      <td className="clip">
        {object === undefined ? (
          <span className="quiet">–</span>
        ) : (
          <>
            <span className="quiet">{object.kind}</span> <bdi>{object.name}</bdi>
          </>
        )}
      </td>
      <td className="clip is-extra" title={reason}>
        <bdi>{reason ?? ""}</bdi>
      </td>
      <td className="clip is-extra">
        <State state={state} />
      </td>
    </tr>
  );
}
