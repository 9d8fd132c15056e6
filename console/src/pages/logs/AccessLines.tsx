import { useEffect, useState } from "react";
import { send } from "../../api/request.ts";
import { timeTitle } from "../../parts/Age.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";

/** A line of a gateway's access log. */
interface AccessLine {
  readonly gateway: string;
  readonly time: string;
  readonly role: "edge" | "host";
  readonly client: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly generation?: number;
  readonly caller?: string;
  readonly service?: string;
  readonly revision?: string;
  readonly instance?: string;
  readonly error?: string;
}

interface AccessLines {
  readonly items: readonly AccessLine[];
  readonly isCut: boolean;
  readonly missing: readonly { readonly gateway: string; readonly message: string }[];
}

/** What the gateways noted of one request: each call of it, who asked whom, and what came of it. */
export function AccessLines({ trace }: { readonly trace: string }) {
  const t = useTexts("logs");
  const [told, setTold] = useState<AccessLines | string>();
  useEffect(() => {
    const stop = new AbortController();
    setTold(undefined);
    send<AccessLines>({ path: `/access-lines?trace=${trace}`, signal: stop.signal }).then(setTold, (error: unknown) => {
      if (!stop.signal.aborted) setTold(error instanceof Error ? error.message : String(error));
    });
    return () => stop.abort();
  }, [trace]);
  if (told === undefined) return <p className="note">{t("access.asking")}</p>;
  if (typeof told === "string")
    return (
      <p className="note">
        <Plain text={told} />
      </p>
    );
  return (
    <section className="access-lines" aria-label={t("access.title")}>
      {told.items.length === 0 ? (
        <p className="note">{t("access.none")}</p>
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("access.time")}</th>
              <th scope="col" className="is-wide">
                {t("access.gateway")}
              </th>
              <th scope="col">{t("access.call")}</th>
              <th scope="col" className="is-wide">
                {t("access.path")}
              </th>
              <th scope="col" className="number">
                {t("access.status")}
              </th>
              <th scope="col" className="number">
                ms
              </th>
            </tr>
          </thead>
          <tbody>
            {told.items.map((line, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: they are told once, in one order.
              <Line key={index} line={line} />
            ))}
          </tbody>
        </table>
      )}
      {told.isCut && <p className="note">{t("access.cut")}</p>}
      {told.missing.map(({ gateway, message }) => (
        <p key={gateway} className="note is-bad">
          {t("access.missing", { gateway })} <Plain text={message} />
        </p>
      ))}
    </section>
  );
}

function Line({ line }: { readonly line: AccessLine }) {
  const { time, gateway, role, client, caller, service, revision, instance, method, path, status, durationMs, error } = line;
  return (
    <tr>
      <td title={timeTitle(Date.parse(time))}>{time.slice(11, 23)}</td>
      <td className="is-wide">
        <Plain text={gateway} /> <span className="quiet small">{role}</span>
      </td>
      <td title={instance}>
        <Plain text={caller === undefined || caller === "" ? client : caller} /> → <Plain text={service ?? "–"} />{" "}
        <span className="quiet small">
          <Plain text={revision ?? ""} />
        </span>
      </td>
      <td className="is-wide">
        {method} <Plain text={path} />
      </td>
      <td className="number">
        {status >= 500 || error !== undefined ? <Shape severity={status >= 500 || status === 0 ? "major" : "minor"} /> : null} {status}
        {error !== undefined && (
          <span className="quiet small">
            {" "}
            <Plain text={error} />
          </span>
        )}
      </td>
      <td className="number">{durationMs.toFixed(1)}</td>
    </tr>
  );
}
