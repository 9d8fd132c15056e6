import { useMemo } from "react";
import type { CallTableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { linkTo } from "../../frame/location.ts";
import { failedShare, formatMs, formatPart, formatRate, formatUntil, hurtOf } from "../../parts/call-figures.ts";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { LEVELS, type Level, partsOf } from "./calls.ts";
import { Distribution } from "./Distribution.tsx";
import { usePartName } from "./names.ts";

/** One kind of call: its figures, how long they took, and which revisions and instances answered. */
export function CallDrawer({ name: key, level, onClose }: { readonly name: string; readonly level: Level; readonly onClose: () => void }) {
  const t = useTexts("calls");
  const nameOf = usePartName();
  const parts = useMemo(() => partsOf(key, level), [key, level]);
  const { caller, service } = parts;
  const whose = { ...(caller !== undefined && { caller }), ...(service !== undefined && { service }) };
  const whole = useView<CallTableRow>({ of: "callTable", by: [...LEVELS[level]], ...whose, distribution: true, limit: 1_000 });
  const apart = useView<CallTableRow>({ of: "callTable", by: ["revision", "instance", "host"], ...whose, limit: 200 });
  const row = whole.rows.find((one) => one.key === key)?.row;
  const label = LEVELS[level].map((part) => nameOf(part, parts[part] ?? "")).join(" → ");
  const instances = apart.rows.filter(
    ({ row: one }) =>
      one.instance !== "" &&
      (parts.revision === undefined || one.revision === parts.revision) &&
      (parts.instance === undefined || one.instance === parts.instance) &&
      (parts.host === undefined || one.host === parts.host),
  );
  const seen = whole.rows[0]?.seen;
  return (
    <Drawer label={t("details", { name: label })} of={key} onClose={onClose}>
      <PageHead level={2} title={label} seen={seen} beatMs={5_000} isStale={whole.isStale}>
        {row === undefined
          ? whole.isLoading
            ? ""
            : t("noneNow")
          : failedShare(row) > 0
            ? t("someFail", { share: formatPart(failedShare(row)) })
            : t("noneFail")}
      </PageHead>
      <div className="tab-panel">
        {row !== undefined && (
          <>
            <Facts
              facts={[
                [t("figures.rate"), `${formatRate(row.rate)}/s`],
                [t("errors"), `${row.errors} / ${row.calls}`],
                [t("refused"), row.refused],
                [t("figures.inFlight"), row.inFlight],
                [t("mean"), row.meanMs === undefined ? "–" : formatMs(row.meanMs)],
                ["p50", formatUntil(row.p50Ms)],
                ["p95", formatUntil(row.p95Ms)],
                ["p99", formatUntil(row.p99Ms)],
                [t("figures.maxMs"), row.maxMs === undefined ? "–" : formatMs(row.maxMs)],
              ]}
            />
            <Distribution distribution={row.distribution ?? []} />
          </>
        )}
        <section>
          <h3>{t("answered")}</h3>
          <Standing live={{ ...apart, total: instances.length }} empty={t("noneAnswered")}>
            <table className={`plain-table${apart.isStale ? " is-stale" : ""}`}>
              <colgroup>
                <col style={{ width: "46%" }} />
                <col style={{ width: "18%" }} />
                <col style={{ width: "12%" }} />
                <col style={{ width: "12%" }} />
                <col style={{ width: "12%" }} />
              </colgroup>
              <thead>
                <tr>
                  <th scope="col">{t("parts.instance")}</th>
                  <th scope="col">{t("parts.host")}</th>
                  <th scope="col" className="number">
                    {t("figures.rate")}
                  </th>
                  <th scope="col" className="number">
                    {t("figures.failed")}
                  </th>
                  <th scope="col" className="number">
                    p95
                  </th>
                </tr>
              </thead>
              <tbody>
                {instances.map(({ key: one, row: { instance, host, ...figures } }) => {
                  const hurt = hurtOf(figures);
                  return (
                    <tr key={one}>
                      <td className="mono small">
                        {hurt !== undefined && <Shape severity={hurt} />} {instance}
                      </td>
                      <td>{host}</td>
                      <td className="number">{formatRate(figures.rate)}</td>
                      <td className="number">{formatPart(failedShare(figures))}</td>
                      <td className="number">{formatUntil(figures.p95Ms)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </Standing>
        </section>
        <p className="links">
          {[caller, service].map(
            (one) =>
              one !== undefined &&
              one !== "" &&
              one !== "?" && (
                <a key={one} {...linkTo(`/services?open=default/${encodeURIComponent(one)}`)}>
                  {t("openService", { name: one })}
                </a>
              ),
          )}
          {service !== undefined && service !== "" && <a {...linkTo(`/topology?around=${encodeURIComponent(service)}`)}>{t("onTopology")}</a>}
        </p>
      </div>
    </Drawer>
  );
}
