import { useMemo } from "react";
import type { CountRow, ObjectState, Severity, TableRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useView } from "../../api/live.ts";
import { linkTo } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { isOver, type LanesView } from "../../parts/lanes/model.ts";
import { formatShare } from "../../parts/numbers.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Shape, State } from "../../parts/State.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { shortRevision } from "../updates/versions.ts";
import "./overview.css";

/** Kinds that are looked at, by the layer that people think of. */
const LAYERS = [
  { layer: "platform", resources: ["hosts", "gateways"] },
  { layer: "services", resources: ["microservices", "instances"] },
  { layer: "gateway", resources: ["routes"] },
  { layer: "applications", resources: ["resources", "jobs"] },
] as const;
const WRONG: readonly Severity[] = ["critical", "major", "minor", "unknown"];
const ORDER: readonly Severity[] = ["critical", "major", "minor", "unknown", "changing", "off", "normal"];
const LOOKED_AT = ["microservices", "hosts", "gateways", "resources", "jobs"] as const;
const EACH_MAX = 30;
const SHOWN_MAX = 60;

interface Wrong {
  readonly key: string;
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: ObjectState;
}

/** What is wrong, since when, what to do? Worst first; and what is being changed now. */
export default function Overview() {
  const t = useTexts("overview");
  const wrong = useWrong();
  const lanes = useView<LanesView>({ of: "update" });
  const view = lanes.rows[0]?.row;
  const running = view?.updates.filter((update) => !isOver(update)) ?? [];
  const urgent = wrong.items.filter(({ state }) => state.severity === "critical" || state.severity === "major").length;
  return (
    <div className="page overview">
      <PageHead title={t("title")} isStale={wrong.isStale}>
        {wrong.isLoading
          ? ""
          : urgent > 0
            ? t("urgent", { count: urgent })
            : wrong.items.length > 0
              ? t("some", { count: wrong.items.length })
              : t("well")}
      </PageHead>
      <div className="overview-columns">
        <section aria-label={t("wrong")}>
          <h2>{t("wrong")}</h2>
          {wrong.isLoading ? (
            <p className="quiet" aria-busy="true">
              …
            </p>
          ) : wrong.items.length === 0 ? (
            <p className="standing quiet">{t("nothingWrong")}</p>
          ) : (
            <ul className={`wrong${wrong.isStale ? " is-stale" : ""}`}>
              {wrong.items.slice(0, SHOWN_MAX).map((item) => (
                <WrongItem key={item.key} item={item} />
              ))}
            </ul>
          )}
          {wrong.items.length > SHOWN_MAX && <p className="quiet small">{t("more", { count: wrong.items.length - SHOWN_MAX })}</p>}
        </section>
        <div className="overview-side">
          <section aria-label={t("changing")}>
            <h2>{t("changing")}</h2>
            {running.length === 0 ? (
              <p className="quiet">{view === undefined ? "…" : t("nothingChanges", { generation: view.generation ?? "–" })}</p>
            ) : (
              <ul className="changes">
                {running.map((update) => (
                  <li key={update.metadata.name}>
                    <a {...linkTo("/updates")}>
                      <b>{update.spec.services.map(({ name, to }) => `${name} → ${shortRevision(name, to)}`).join(", ")}</b>
                    </a>
                    <UpdatePhase
                      phase={update.status?.phase ?? "Pending"}
                      {...(update.status?.share !== undefined && { share: update.status.share })}
                    />
                    <span className="quiet small">
                      {update.status?.by !== undefined && `${update.status.by} · `}
                      <Age at={Date.parse(update.metadata.creationTimestamp)} />
                    </span>
                    {update.status?.waits?.[0] !== undefined && <span className="small changes-wait">{update.status.waits[0].message}</span>}
                  </li>
                ))}
              </ul>
            )}
          </section>
          <section aria-label={t("layers")}>
            <h2>{t("layers")}</h2>
            <div className="layers">
              {LAYERS.map(({ layer, resources }) => (
                <div key={layer} className="layer">
                  <h3>{t(`layer.${layer}`)}</h3>
                  {resources.map((resource) => (
                    <Layer key={resource} resource={resource} />
                  ))}
                </div>
              ))}
            </div>
          </section>
        </div>
      </div>
    </div>
  );
}

function UpdatePhase({ phase, share }: { readonly phase: string; readonly share?: number }) {
  const word = useWord();
  return (
    <span className="state is-changing">
      <Shape severity="changing" />
      <span>
        {word(phase)}
        {share !== undefined && phase === "Ramping" && ` ${formatShare(share)}`}
      </span>
    </span>
  );
}

function WrongItem({ item: { resource, name, namespace, state } }: { readonly item: Wrong }) {
  const t = useTexts("overview");
  const to = resource === "microservices" ? `/services?open=${namespace}/${name}` : undefined;
  return (
    <li>
      <State state={state} />
      <div className="wrong-what">
        <span>
          {to === undefined ? <b>{name}</b> : <a {...linkTo(to)}>{name}</a>} <span className="quiet small">{t(`kinds.${resource}`)}</span>
        </span>
        {state.message !== undefined && <span className="wrong-why">{state.message}</span>}
      </div>
      <span className="quiet small number">{state.since === undefined ? "" : <Age at={Date.parse(state.since)} />}</span>
    </li>
  );
}

function Layer({ resource }: { readonly resource: string }) {
  const t = useTexts("overview");
  const frame = useTexts("frame");
  const { rows, isStale, isLoading, error } = useView<CountRow>({ of: "counts", resource, by: "state" });
  const counts = ORDER.map((severity) => ({ severity, count: rows.find(({ row }) => row.value === severity)?.row.count ?? 0 })).filter(
    ({ count }) => count > 0,
  );
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  if (error !== undefined && rows.length === 0) return null;
  return (
    <p className={`layer-line${isStale ? " is-stale" : ""}`}>
      <span>{t(`plural.${resource}`)}</span>
      <span className="layer-counts">
        {counts
          .filter(({ severity }) => severity !== "normal")
          .map(({ severity, count }) => (
            <span key={severity} className="bar-count" title={frame(`severities.${severity}`)}>
              <Shape severity={severity} /> {count}
              <span className="only-read">{frame(`severities.${severity}`)}</span>
            </span>
          ))}
      </span>
      <b className="number">{isLoading ? "…" : all}</b>
    </p>
  );
}

/** All that is not as it should be, of every kind, worst first. */
function useWrong(): { readonly items: readonly Wrong[]; readonly isLoading: boolean; readonly isStale: boolean } {
  const microservices = useWrongOf("microservices");
  const hosts = useWrongOf("hosts");
  const gateways = useWrongOf("gateways");
  const resources = useWrongOf("resources");
  const jobs = useWrongOf("jobs");
  return useMemo(() => {
    const lives: readonly LiveView<TableRow>[] = [microservices, hosts, gateways, resources, jobs];
    const items = lives.flatMap((live, index) =>
      live.rows.flatMap(({ key, row }): Wrong[] =>
        row.state === undefined
          ? []
          : [
              {
                key: `${LOOKED_AT[index]}/${key}`,
                resource: LOOKED_AT[index] ?? "",
                name: row.name,
                namespace: row.namespace ?? "default",
                state: row.state,
              },
            ],
      ),
    );
    items.sort(
      (a, b) =>
        ORDER.indexOf(a.state.severity) - ORDER.indexOf(b.state.severity) ||
        (b.state.since ?? "").localeCompare(a.state.since ?? "") ||
        a.key.localeCompare(b.key),
    );
    return { items, isLoading: lives.some(({ isLoading }) => isLoading), isStale: lives.some(({ isStale }) => isStale) };
  }, [microservices, hosts, gateways, resources, jobs]);
}

function useWrongOf(resource: string): LiveView<TableRow> {
  return useView<TableRow>({
    of: "objects",
    resource,
    filter: { state: [...WRONG] },
    sort: { by: "state" },
    columns: [".metadata.name"],
    limit: EACH_MAX,
  });
}
