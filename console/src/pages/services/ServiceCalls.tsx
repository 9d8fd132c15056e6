import type { CallTableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { linkTo } from "../../frame/location.ts";
import { failedShare, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { Standing } from "../../parts/Standing.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { Distribution } from "../calls/Distribution.tsx";
import { usePartName } from "../calls/names.ts";

/** Who calls it, and whom it calls, in the last minute; how long its own answers took. */
export function ServiceCalls({ service }: { readonly service: string }) {
  const t = useTexts("services");
  const live = useView<CallTableRow>({ of: "callTable", by: ["caller", "service"], end: service, limit: 500 });
  const own = useView<CallTableRow>({ of: "callTable", by: ["service"], service, distribution: true, limit: 1 });
  const into = live.rows.filter(({ row }) => row.service === service);
  const out = live.rows.filter(({ row }) => row.caller === service && row.service !== service);
  return (
    <Standing live={live} empty={t("calls.none")}>
      <div className={live.isStale ? "is-stale service-calls" : "service-calls"}>
        <CallRows title={t("calls.in")} rows={into} part="caller" empty={t("calls.nobody")} />
        <Distribution distribution={own.rows[0]?.row.distribution ?? []} title={t("calls.took")} />
        <CallRows title={t("calls.out")} rows={out} part="service" empty={t("calls.callsNobody")} />
        <p className="links">
          <a {...linkTo(`/topology?around=${encodeURIComponent(service)}`)}>{t("calls.onTopology")}</a>{" "}
          <a {...linkTo(`/calls?service=${encodeURIComponent(service)}`)}>{t("calls.all")}</a>
        </p>
      </div>
    </Standing>
  );
}

interface CallRowsProps {
  readonly title: string;
  readonly rows: readonly ViewRow<CallTableRow>[];
  readonly part: "caller" | "service";
  readonly empty: string;
}

function CallRows({ title, rows, part, empty }: CallRowsProps) {
  const t = useTexts("calls");
  const nameOf = usePartName();
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {rows.length === 0 ? (
        <p className="quiet">{empty}</p>
      ) : (
        <table className="plain-table">
          <colgroup>
            <col />
            <col style={{ width: "16%" }} />
            <col style={{ width: "16%" }} />
            <col className="is-wide" style={{ width: "16%" }} />
            <col style={{ width: "18%" }} />
          </colgroup>
          <thead>
            <tr>
              <th scope="col">{t(`parts.${part}`)}</th>
              <th scope="col" className="number">
                {t("figures.rate")}
              </th>
              <th scope="col" className="number">
                {t("figures.failed")}
              </th>
              <th scope="col" className="number is-wide">
                {t("figures.inFlight")}
              </th>
              <th scope="col" className="number">
                p95
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, row }) => {
              const hurt = hurtOf(row);
              const name = row[part] ?? "";
              const isNamed = name !== "" && name !== "?";
              return (
                <tr key={key}>
                  <td>
                    {hurt !== undefined && <Shape severity={hurt} />}{" "}
                    {isNamed ? <a {...linkTo(`/services?open=default/${encodeURIComponent(name)}&tab=calls`)}>{name}</a> : nameOf(part, name)}
                  </td>
                  <td className="number">{formatRate(row.rate)}</td>
                  <td className="number">{formatPart(failedShare(row))}</td>
                  <td className="number is-wide">{row.inFlight}</td>
                  <td className="number">{formatUntil(row.p95Ms)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}
