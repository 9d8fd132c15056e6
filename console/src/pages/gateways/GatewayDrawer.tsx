import type { ReactNode } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject, useView } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { mayAct } from "../../api/session.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import type { Condition } from "../../frame/site.ts";
import { Time } from "../../parts/Age.tsx";
import { Drawer, Facts, Tabs } from "../../parts/Drawer.tsx";
import { EventList } from "../../parts/EventList.tsx";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts } from "../../texts/index.ts";
import { readReport, type Told } from "./report.ts";

interface GatewayObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly host: string; readonly roles: readonly string[] };
  readonly status?: {
    readonly incarnation?: number;
    readonly incarnationSince?: string;
    readonly unknownUntil?: string;
    readonly edgeAddress?: string;
    readonly conditions?: readonly Condition[];
  };
}

interface GatewayDrawerProps {
  readonly name: string;
  /** The newest table that any gateway has. */
  readonly newest: number | undefined;
  readonly onClose: () => void;
}

/** Which table is in force in this gateway, and what is open in it? */
export function GatewayDrawer({ name: key, newest, onClose }: GatewayDrawerProps) {
  const t = useTexts("gateways");
  const why = useWhy();
  const { name } = splitKey(key);
  const live = useObject<GatewayObject>("gateways", name);
  const { object } = live;
  const row = useView<TableRow>({ of: "objects", resource: "gateways", fields: `metadata.name=${name}`, columns: [".metadata.name"], limit: 1 });
  const report = useView<{ readonly value: unknown }>({ of: "topic", topic: "gateways", keys: [name] });
  const told = readReport(report.rows[0]?.row.value);
  const [tab, setTab] = useParam("tab", "now");
  const panels: Readonly<Record<string, () => ReactNode>> = {
    now: () => (
      <Standing live={report} empty={t("silent")}>
        <Now told={told} isStale={report.isStale} />
      </Standing>
    ),
    facts: () => <GatewayFacts object={object} told={told} newest={newest} />,
    manifest: () => <ManifestTab kind="Gateway" resource="gateways" namespace="" name={name} />,
    events: () => <EventList kind="Gateway" name={name} namespace="default" />,
  };
  const shown = Object.hasOwn(panels, tab) ? tab : "now";
  const { state } = row.rows[0]?.row ?? {};
  const ready = object?.status?.conditions?.find(({ type }) => type === "Ready");
  const isAway = ready !== undefined && ready.status !== "True";
  return (
    <Drawer label={t("details", { name })} of={key} onClose={onClose}>
      <PageHead level={2} title={<Plain text={name} />} state={state} seen={report.rows[0]?.seen ?? row.rows[0]?.seen} isStale={live.isStale}>
        {object === undefined && !live.isLoading ? t("gone", { name }) : ready === undefined ? "" : why({ ...ready, name })}
      </PageHead>
      {told.failures.map((failure) => (
        <p key={failure} className="note is-bad">
          <Plain text={failure} />
        </p>
      ))}
      {isAway && mayAct("forget-gateway") && (
        <p className="note">
          {t("forget")} <code className="command">./orrery gateway forget {name}</code>
        </p>
      )}
      <Tabs
        label={t("details", { name })}
        tabs={[
          { id: "now", title: t("now") },
          { id: "facts", title: t("facts") },
          { id: "manifest", title: t("manifest") },
          { id: "events", title: t("events") },
        ]}
        current={shown}
        onChange={(id) => setTab(id)}
      >
        {panels[shown]?.()}
      </Tabs>
    </Drawer>
  );
}

/** What is open in each generation. */
function Now({ told, isStale }: { readonly told: Told; readonly isStale: boolean }) {
  const t = useTexts("gateways");
  return (
    <table className={`plain-table${isStale ? " is-stale" : ""}`}>
      <thead>
        <tr>
          <th scope="col">{t("generation")}</th>
          <th scope="col" className="number">
            {t("open")}
          </th>
          <th scope="col" className="number">
            {t("streams")}
          </th>
          <th scope="col" className="number">
            {t("calls")}
          </th>
        </tr>
      </thead>
      <tbody>
        {told.generations.map(({ generation, edge, streams, calls }) => (
          <tr key={generation}>
            <td>
              <b>{generation}</b>
            </td>
            <td className="number">{edge}</td>
            <td className="number">{streams}</td>
            <td className="number">{calls}</td>
          </tr>
        ))}
        {told.generations.length === 0 && (
          <tr>
            <td colSpan={4} className="quiet">
              {t("nothingOpen")}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

interface GatewayFactsProps {
  readonly object: GatewayObject | undefined;
  readonly told: Told;
  readonly newest: number | undefined;
}

function GatewayFacts({ object, told, newest }: GatewayFactsProps) {
  const t = useTexts("gateways");
  const { host = "", roles = [] } = object?.spec ?? {};
  const hostLink = <a {...linkTo(`/hosts?open=${encodeURIComponent(host)}`)}>{host}</a>;
  const rolesText = roles.map((role) => (role === "edge" || role === "host" ? t(`role.${role}`) : role)).join(", ");
  return (
    <Facts
      facts={[
        [t("table"), told.version ?? "–"],
        [t("newest"), newest ?? "–"],
        [t("epoch"), told.epoch ?? "–"],
        [t("history"), <Plain key="history" text={told.history ?? "–"} />],
        [t("held"), told.held],
        [t("host"), host === "" ? "–" : hostLink],
        [t("roles"), rolesText],
        [t("edge"), object?.status?.edgeAddress ?? "–"],
        [t("starts"), object?.status?.incarnation ?? "–"],
        [t("since"), <Time key="since" at={Date.parse(object?.status?.incarnationSince ?? "")} />],
      ]}
    />
  );
}
