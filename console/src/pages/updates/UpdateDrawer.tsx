import type { ReactNode } from "react";
import { useObject } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { mayAct } from "../../api/session.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { Time } from "../../parts/Age.tsx";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { Flag } from "../../parts/lanes/Lanes.tsx";
import { isOver, type UpdateRecord } from "../../parts/lanes/model.ts";
import { Phases } from "../../parts/lanes/Phases.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { targetsOf, type Way } from "./wish.ts";

/** One update: who, why, how it went, phase by phase. */
export function UpdateDrawer({ name: key, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("updates");
  const word = useWord();
  const why = useWhy();
  const { namespace, name } = splitKey(key);
  const live = useObject<UpdateRecord>("updates", name, namespace);
  const { object } = live;
  const [, setLike] = useParam("like");
  const [, setWay] = useParam("way");
  const goTo = (way: Way): void => {
    setWay(way);
    setLike(key);
  };
  const facts: (readonly [string, ReactNode])[] =
    object === undefined
      ? []
      : [
          [t("who"), object.status?.by ?? "–"],
          [t("when"), <Time key="when" at={Date.parse(object.metadata.creationTimestamp)} />],
          [t("strategy"), word(object.status?.strategy ?? object.spec.strategy ?? "consistent")],
          [
            t("generation"),
            object.status?.generation === undefined ? "–" : `g ${object.status.fromGeneration ?? "?"} → g ${object.status.generation}`,
          ],
          [t("transactions"), String(object.status?.transactions ?? "–")],
          [
            t("inAudit"),
            <a key="audit" {...linkTo(`/audit?object=${encodeURIComponent(`Update/${name}`)}`)}>
              {t("whatWasDone")}
            </a>,
          ],
        ];
  return (
    <Drawer label={name} of={key} onClose={onClose}>
      <PageHead
        level={2}
        title={name}
        kind={word(object?.status?.phase ?? "")}
        isStale={live.isStale}
        actions={
          object !== undefined &&
          isOver(object) &&
          (mayAct("update") || mayAct("rollback")) &&
          (["back", "again"] as const)
            .filter((way) => targetsOf(object, way).length > 0)
            .map((way) => (
              <button key={way} type="button" className="button" title={t(`ways.${way}Hint`)} onClick={() => goTo(way)}>
                {t(`ways.${way}`)}
              </button>
            ))
        }
      >
        {object?.spec.message ?? ""}
      </PageHead>
      <div className="tab-panel">
        <Standing live={live} empty={t("gone")}>
          {object !== undefined && (
            <>
              <Phases update={object} />
              <Facts facts={facts} />
              <section>
                <h3>{t("what")}</h3>
                <table className="plain-table">
                  <tbody>
                    {([...(object.status?.revisions ?? []), ...(object.status?.alongside ?? [])].length > 0
                      ? [...(object.status?.revisions ?? []), ...(object.status?.alongside ?? [])]
                      : object.spec.services.map((one) => ({ service: one.name, from: undefined, to: one.to }))
                    ).map(({ service, from, to }) => (
                      <tr key={service}>
                        <td>
                          <b>{service}</b>
                        </td>
                        <td className="mono small">
                          {from ?? "–"} → {to ?? t("removed")}
                          {object.status?.alongside?.some((one) => one.service === service) === true && (
                            <span className="quiet"> · {t("alongside")}</span>
                          )}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </section>
              {(object.status?.waits?.length ?? 0) > 0 && (
                <section>
                  <h3>{isOver(object) ? t("whyEnded") : t("waitsFor")}</h3>
                  <ul className="lane-flags">
                    {object.status?.waits?.map((wait) => (
                      <Flag key={`${wait.reason} ${wait.object}`} wait={{ ...wait, needsPerson: isOver(object) }} />
                    ))}
                  </ul>
                </section>
              )}
              {object.status?.conditions
                ?.filter(({ status, type }) => status === "False" && type !== "Complete")
                .map(({ type, reason, message }) => (
                  <p key={type} className="note is-warn">
                    <b>{word(type)}</b> {why({ reason, name, message })}
                  </p>
                ))}
            </>
          )}
        </Standing>
      </div>
    </Drawer>
  );
}
