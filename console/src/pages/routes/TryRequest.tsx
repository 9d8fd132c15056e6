import { useDeferredValue, useMemo } from "react";
import type { TryRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { formatShare } from "../../parts/numbers.ts";
import { Plain } from "../../parts/Plain.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { KINDS, readHeaders, type TrialForm, wishOf } from "./trial.ts";
import "./try.css";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** What would become of this request now? Told by the gateway's own rules; nothing is sent. */
export function TryRequest({ onClose }: { readonly onClose: () => void }) {
  const t = useTexts("routes");
  const [path, setPath] = useParam("try");
  const [method, setMethod] = useParam("method", "GET");
  const [host, setHost] = useParam("host");
  const [headers, setHeaders] = useParam("headers");
  const [caller, setCaller] = useParam("caller");
  const [service, setService] = useParam("service");
  const form: TrialForm = useDeferredValue(
    useMemo(() => ({ method, path, host, headers, caller, service }), [method, path, host, headers, caller, service]),
  );
  const wish = useMemo(() => wishOf(form), [form]);
  const live = useView<TryRow>(wish);
  const { wrong } = readHeaders(headers);
  const text = (label: string, value: string, onChange: (value: string) => void, hint: string) => (
    <label className="field">
      <span>{label}</span>
      <input
        className="input"
        value={value}
        placeholder={hint}
        spellCheck={false}
        autoComplete="off"
        maxLength={8_000}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
  return (
    <section className="try" aria-label={t("try")}>
      <header>
        <h2>{t("try")}</h2>
        <span className="quiet">{t("trySentence")}</span>
        <button type="button" className="button is-small is-bare" onClick={onClose}>
          {t("close")}
        </button>
      </header>
      <div className="try-form">
        <label className="field">
          <span>{t("requestMethod")}</span>
          <select className="input" value={method} onChange={(event) => setMethod(event.target.value)}>
            {!METHODS.some((one) => one === method) && <option value={method}>{method}</option>}
            {METHODS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        {text(t("path"), path, (value) => setPath(value === "" ? "/" : value), "/passes?day=today")}
        {text(t("requestHost"), host, setHost, "portal.example.org")}
        {text(t("caller"), caller, setCaller, t("fromOutside"))}
        {caller !== "" && text(t("called"), service, setService, "auth")}
        <label className="field try-headers">
          <span>{t("headers")}</span>
          <textarea
            className="input"
            rows={2}
            value={headers}
            placeholder="X-User: anna"
            spellCheck={false}
            onChange={(event) => setHeaders(event.target.value)}
          />
        </label>
      </div>
      {wrong[0] !== undefined && (
        <p className="note">
          {t("noHeader")} <Plain text={wrong[0].slice(0, 200)} />
        </p>
      )}
      {wish === undefined ? (
        <p className="quiet">{t("whom")}</p>
      ) : (
        <Standing live={live} empty={t("noOutcome")}>
          <div className={`try-outcomes${live.isStale ? " is-stale" : ""}`} role="status">
            {live.rows.map(({ key, row }) => (
              <Outcome key={key} row={row} />
            ))}
          </div>
        </Standing>
      )}
    </section>
  );
}

function Outcome({ row }: { readonly row: TryRow }) {
  const t = useTexts("routes");
  const { kind, share, service, version, revision, generation, instance, route, gateway, status, code, message, why, candidates = [] } = row;
  return (
    <article className={`try-outcome is-${KINDS[kind]}`}>
      <h3>
        <Shape severity={KINDS[kind]} /> {t(`kinds.${kind}`)}
        {share < 1 && <span className="quiet"> · {t("ofAll", { share: formatShare(share) })}</span>}
      </h3>
      {kind === "admitted" && (
        <ol className="try-way">
          {gateway !== undefined && (
            <li>
              <span className="quiet">{t("gateway")}</span> <Plain text={gateway.name} />
            </li>
          )}
          {route !== undefined && (
            <li>
              <span className="quiet">{t("route")}</span> <Plain text={route.name} />
            </li>
          )}
          {service !== undefined && (
            <li>
              <span className="quiet">{t("toService")}</span> <a {...linkTo(`/services?open=default/${encodeURIComponent(service)}`)}>{service}</a>{" "}
              <b>{version ?? revision}</b>
            </li>
          )}
          {instance !== undefined && (
            <li>
              <span className="quiet">{t("instance")}</span> <Plain text={instance} />
            </li>
          )}
        </ol>
      )}
      {status !== undefined && (
        <p>
          <b>{status}</b> <code>{code}</code> <Plain text={message ?? ""} />
        </p>
      )}
      {generation !== undefined && <p className="quiet">{t("inGeneration", { generation })}</p>}
      <ul className="try-why">
        {why.map((saying) => (
          <li key={saying.code}>{t(`why.${saying.code}`, { ...saying.args, defaultValue: saying.code })}</li>
        ))}
      </ul>
      {candidates.length > 0 && (
        <details>
          <summary>{t("candidates", { count: candidates.length })}</summary>
          <ul>
            {candidates.map((one) => (
              <li key={one.instance}>
                <Shape severity={one.isReady ? (one.isLeaving ? "changing" : "normal") : "major"} /> <Plain text={one.instance} />{" "}
                <span className="quiet">
                  <Plain text={one.host} /> · {one.isReady ? (one.isLeaving ? t("leaving") : t("ready")) : t("notReady")}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </article>
  );
}
