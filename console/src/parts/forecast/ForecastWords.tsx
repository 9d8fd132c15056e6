import type { ReactNode } from "react";
import type { CallTableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { useTexts, useWord } from "../../texts/index.ts";
import { formatRate } from "../call-figures.ts";
import { formatShare } from "../numbers.ts";
import { Shape } from "../State.tsx";
import { type ForecastAnswer, servicesOf, type UpdateForecast } from "./forecast.ts";
import "./forecast.css";

/** A forecast in words: what would start, stop, be held and waited for, and what is under way there now. */
export function ForecastWords({ told }: { readonly told: ForecastAnswer }) {
  const t = useTexts("manifest");
  const services = servicesOf(told);
  const isNothing = told.updates.length === 0 && told.scales.length === 0;
  const warnings = told.objects.flatMap(({ warnings: some = [] }) => some);
  return (
    <section className="forecast" aria-label={t("wouldCome")}>
      {warnings.map((text) => (
        <p key={text} className="note is-warn" role="status">
          {text}
        </p>
      ))}
      {isNothing && <p>{t("noInstances")}</p>}
      {told.scales.map((one) => (
        <Facts
          key={one.service}
          title={t(one.restarts === true ? "restarts" : one.to === 0 ? "stopsAll" : one.from === 0 ? "startsAll" : "scales", {
            service: one.service,
            from: one.from,
            to: one.to,
          })}
          severity="changing"
          lines={[
            [t("starts"), [t("instances", { count: one.starts })], one.starts > 0],
            [t("stops"), [t("stopsAfterCalls", { count: one.stops })], one.stops > 0],
          ]}
        />
      ))}
      {told.updates.map((one) => (
        <Update key={one.changes.map(({ service }) => service).join()} one={one} />
      ))}
      {services.slice(0, 8).map((service) => (
        <InFlight key={service} service={service} />
      ))}
    </section>
  );
}

type Line = readonly [title: string, texts: readonly string[], isShown: boolean];

function Update({ one }: { readonly one: UpdateForecast }) {
  const t = useTexts("manifest");
  const word = useWord();
  const changed = one.changes.map(({ service, fromVersion, toVersion }) =>
    fromVersion === undefined ? t("comesNew", { service, to: toVersion }) : t("comes", { service, from: fromVersion, to: toVersion }),
  );
  const names = changed.length > 0 ? changed : one.refusals.map(({ service, revision }) => `${service} → ${revision}`);
  const lines: readonly Line[] = [
    [t("because"), [one.problem ?? ""], one.problem !== undefined],
    [
      t("starts"),
      one.starts.map(({ service, version, instances, running, readyWithin }) =>
        instances === 0
          ? t("startsNone", { service, version, count: running })
          : t("startsSome", { service, version, count: instances, within: readyWithin }),
      ),
      one.starts.length > 0,
    ],
    [
      t("switches"),
      [
        one.ramp === undefined
          ? t("switchesAtOnce")
          : t("switchesRamp", { steps: one.ramp.steps.map(({ share }) => formatShare(share)).join(" → ") }),
        ...(one.alongside.length > 0 ? [t("alongside", { services: one.alongside.join(", ") })] : []),
        ...(one.replaces === undefined ? [] : [t("replaces", { generation: one.replaces.generation, services: one.replaces.services.join(", ") })]),
      ],
      one.changes.length > 0,
    ],
    [t("holds"), one.held === undefined ? [t("holdsNobody")] : heldTexts(one.held, t), one.changes.length > 0],
    [
      t("stops"),
      one.stops.map(({ service, version, instances, when }) => `${t("ofVersion", { service, version, count: instances })}: ${t(`when.${when}`)}`),
      one.stops.length > 0,
    ],
    [t("waitsFor"), one.waits.map(({ blocks, reason, message }) => `${t(`blocks.${blocks}`)} · ${word(reason)}: ${message}`), one.waits.length > 0],
    [t("beware"), one.notPromised.map(({ message }) => message), one.notPromised.length > 0],
    [t("refuses"), one.refusals.map(({ revision, reason }) => `${revision}: ${reason}`), one.refusals.length > 0],
  ];
  return (
    <Facts
      title={t(`outcomes.${one.outcome}`, { what: names.length === 0 ? t("thisUpdate") : names.join(", ") })}
      severity={one.outcome === "begins" || one.outcome === "nothing" ? "changing" : one.outcome === "waits" ? "minor" : "major"}
      lines={lines}
    />
  );
}

function heldTexts(held: NonNullable<UpdateForecast["held"]>, t: ReturnType<typeof useTexts>): readonly string[] {
  return [
    t("holdsServices", { services: held.services.join(", "), upTo: held.upTo }),
    ...held.routes.map(({ route, path, isDeclared }) => t(isDeclared ? "holdsRoute" : "holdsAny", { route, path: path.join(" → ") })),
    ...(held.otherRoutes.length > 0 ? [t("holdsNot", { routes: held.otherRoutes.join(", ") })] : []),
  ];
}

function Facts({
  title,
  severity,
  lines,
}: {
  readonly title: ReactNode;
  readonly severity: "changing" | "minor" | "major";
  readonly lines: readonly Line[];
}) {
  return (
    <div className="forecast-one">
      <p className="forecast-title">
        <Shape severity={severity} /> <b>{title}</b>
      </p>
      <dl className="forecast-lines">
        {lines
          .filter(([, texts, isShown]) => isShown && texts.length > 0)
          .map(([name, texts]) => (
            <div key={name}>
              <dt>{name}</dt>
              {texts.map((text) => (
                <dd key={text}>{text}</dd>
              ))}
            </div>
          ))}
      </dl>
    </div>
  );
}

/** Calls that are open there now: they are what a person may still wait for. */
function InFlight({ service }: { readonly service: string }) {
  const t = useTexts("manifest");
  const { rows, isStale, error } = useView<CallTableRow>({ of: "callTable", by: ["service"], service, limit: 1 });
  if (error !== undefined) return null;
  const row = rows[0]?.row;
  return (
    <p className={`quiet small${isStale ? " is-stale" : ""}`}>
      {row === undefined ? t("noCalls", { service }) : t("inFlight", { service, count: row.inFlight, rate: formatRate(row.rate) })}
    </p>
  );
}
