import { type ReactNode, useMemo, useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject, useView } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { send } from "../../api/request.ts";
import { mayEdit } from "../../api/rights.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import type { Condition } from "../../frame/site.ts";
import { Age, Time } from "../../parts/Age.tsx";
import { Ask } from "../../parts/Ask.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Drawer, Facts, Tabs } from "../../parts/Drawer.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { EventList } from "../../parts/EventList.tsx";
import { LastHour } from "../../parts/LastHour.tsx";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { formatShare } from "../../parts/numbers.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { State } from "../../parts/State.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts } from "../../texts/index.ts";
import { Part } from "./Part.tsx";
import { formatBytes, partOf, readUse } from "./use.ts";

interface HostObject {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly spec: { readonly cordoned?: boolean; readonly instancesMax?: number };
  readonly status?: {
    readonly facts?: {
      readonly os?: string;
      readonly kernel?: string;
      readonly architecture?: string;
      readonly cpus?: number;
      readonly memoryBytes?: number;
      readonly bootedAt?: string;
      readonly agentVersion?: string;
    };
    readonly addresses?: readonly string[];
    readonly conditions?: readonly Condition[];
  };
}

/** How is this machine, what runs on it, and shall it take more? */
export function HostDrawer({ name: key, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("hosts");
  const why = useWhy();
  const { name } = splitKey(key);
  const live = useObject<HostObject>("hosts", name);
  const { object } = live;
  const row = useView<TableRow>({ of: "objects", resource: "hosts", fields: `metadata.name=${name}`, columns: [".metadata.name"], limit: 1 });
  const told = useView<{ readonly value: unknown }>({ of: "topic", topic: "hosts", keys: [name] });
  const instances = useView<TableRow>({
    of: "objects",
    resource: "instances",
    filter: { host: [name] },
    columns: [".spec.service", ".spec.version", ".status.startedAt"],
    sort: { by: "state" },
    limit: 500,
  });
  const [tab, setTab] = useParam("tab", "instances");
  const [isAsking, setAsking] = useState(false);
  const seen = useMemo(() => ({ object }), [object]);
  const deeds = useDeed<{ readonly object: HostObject | undefined }>(seen);
  const isCordoned = object?.spec.cordoned === true;
  const verb = isCordoned ? "uncordon" : "cordon";

  const answer = (reason: string): Promise<string | undefined> =>
    deeds.run({
      title: t(`deeds.${verb}`, { name }),
      send: () =>
        send({
          method: "PATCH",
          path: `/apis/orrery.dev/v1/hosts/${encodeURIComponent(name)}`,
          contentType: "application/merge-patch+json",
          body: { spec: { cordoned: !isCordoned } },
          reason,
        }),
      isSeen: ({ object: now }) => now !== undefined && (now.spec.cordoned === true) === !isCordoned,
      doneText: t(`done.${verb}`),
    });

  const panels: Readonly<Record<string, () => ReactNode>> = {
    instances: () => <HostInstances live={instances} />,
    use: () => <HostUse name={name} />,
    facts: () => <HostFacts object={object} told={told.rows[0]?.row.value} atMs={Date.parse(told.rows[0]?.seen?.at ?? "")} />,
    manifest: () => <ManifestTab kind="Host" resource="hosts" namespace="" name={name} />,
    events: () => <EventList kind="Host" name={name} namespace="default" />,
  };
  const shown = Object.hasOwn(panels, tab) ? tab : "instances";
  const ready = object?.status?.conditions?.find(({ type }) => type === "Ready");
  const tabs = [
    { id: "instances", title: t("instances"), count: instances.total },
    { id: "use", title: t("use") },
    { id: "facts", title: t("facts") },
    { id: "manifest", title: t("manifest") },
    { id: "events", title: t("events") },
  ];
  return (
    <Drawer label={t("details", { name })} of={key} onClose={onClose}>
      <PageHead
        level={2}
        title={<Plain text={name} />}
        kind={isCordoned ? t("cordoned") : ""}
        state={row.rows[0]?.row.state}
        seen={told.rows[0]?.seen ?? row.rows[0]?.seen}
        isStale={live.isStale}
        actions={
          object !== undefined && mayEdit("hosts") ? (
            <button type="button" className="button" onClick={() => setAsking(true)}>
              {t(`verbs.${verb}`)}
            </button>
          ) : undefined
        }
      >
        {object === undefined && !live.isLoading ? t("gone", { name }) : ready === undefined ? "" : why({ ...ready, name })}
      </PageHead>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <Tabs label={t("details", { name })} tabs={tabs} current={shown} onChange={(id) => setTab(id)}>
        {panels[shown]?.()}
      </Tabs>
      {isAsking && (
        <Ask title={t(`asks.${verb}`, { name })} verb={t(`verbs.${verb}`)} onAnswer={answer} onClose={() => setAsking(false)}>
          <p className="quiet">{t(`effects.${verb}`, { count: instances.total })}</p>
        </Ask>
      )}
    </Drawer>
  );
}

function HostInstances({ live }: { readonly live: ReturnType<typeof useView<TableRow>> }) {
  const t = useTexts("hosts");
  return (
    <Standing live={live} empty={t("noInstances")}>
      <table className={`plain-table${live.isStale ? " is-stale" : ""}`}>
        <thead>
          <tr>
            <th scope="col">{t("state")}</th>
            <th scope="col">{t("service")}</th>
            <th scope="col">{t("version")}</th>
            <th scope="col" className="number">
              {t("runs")}
            </th>
          </tr>
        </thead>
        <tbody>
          {live.rows.map(({ key, row }) => {
            const [service, version, startedAt] = row.cells as readonly [string | null, string | null, string | null];
            return (
              <tr key={key}>
                <td>
                  <State state={row.state} />
                </td>
                <td>
                  <a {...linkTo(`/services?open=${row.namespace ?? "default"}/${encodeURIComponent(service ?? "")}`)}>{service ?? row.name}</a>
                </td>
                <td>{version ?? "–"}</td>
                <td className="number">{startedAt === null ? "–" : <Age at={Date.parse(startedAt)} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Standing>
  );
}

/** What its agent observed of it over the last hour. */
function HostUse({ name }: { readonly name: string }) {
  const t = useTexts("hosts");
  const of = `{host=${JSON.stringify(name)}}`;
  const seen = (metric: string, more = ""): string => `last_over_time(${metric}${of.replace("}", `${more}}`)}[$old])`;
  const share = (value: number): string => formatShare(Number(value.toFixed(3)));
  const free = `${seen("host_filesystem_available_bytes")} / ${seen("host_filesystem_size_bytes")}`;
  return (
    <section className="hour" aria-label={t("use")}>
      <LastHour label={t("cpu")} expression={`avg(${seen("host_cpu_percent")}) / 100`} format={share} />
      <LastHour
        label={t("memory")}
        expression={`1 - sum(${seen("host_memory_available_bytes")}) / sum(${seen("host_memory_total_bytes")})`}
        format={share}
      />
      <LastHour label={t("disk")} expression={`max(1 - ${free})`} format={share} />
      <LastHour label={t("load")} expression={`sum(${seen("host_load", ',over="1m"')})`} format={(value) => value.toFixed(2)} />
      <p className="small">
        <a {...linkTo(`/monitoring?of=host&name=${encodeURIComponent(name)}`)}>{t("allFigures")}</a>
      </p>
    </section>
  );
}

function HostFacts({ object, told, atMs }: { readonly object: HostObject | undefined; readonly told: unknown; readonly atMs: number }) {
  const t = useTexts("hosts");
  const facts = object?.status?.facts;
  const use = readUse(told);
  const text = (value: string | number | undefined): ReactNode => <Plain text={String(value ?? "–")} />;
  return (
    <>
      <Facts
        facts={[
          [t("cpu"), <Part key="cpu" part={use.cpu} atMs={atMs} />],
          [t("memory"), <Part key="memory" part={use.memory} atMs={atMs} />],
          [t("load"), use.load === undefined ? "–" : use.load.toFixed(2)],
          [t("cpus"), text(facts?.cpus ?? use.cpus)],
          [t("memoryAll"), facts?.memoryBytes === undefined ? "–" : formatBytes(facts.memoryBytes)],
          [t("os"), text(facts?.os)],
          [t("kernel"), text(facts?.kernel)],
          [t("architecture"), text(facts?.architecture)],
          [t("agent"), text(facts?.agentVersion)],
          [t("booted"), <Time key="booted" at={Date.parse(facts?.bootedAt ?? "")} />],
          [t("addresses"), text(object?.status?.addresses?.join(", "))],
          [t("most"), text(object?.spec.instancesMax)],
        ]}
      />
      {use.disks.length > 0 && (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("disk")}</th>
              <th scope="col" className="number">
                {t("free")}
              </th>
              <th scope="col" className="number">
                {t("taken")}
              </th>
            </tr>
          </thead>
          <tbody>
            {use.disks.map(({ mount, totalBytes, availableBytes }) => (
              <tr key={mount}>
                <td className="mono">
                  <Plain text={mount} />
                </td>
                <td className="number">{formatBytes(availableBytes)}</td>
                <td className="number">
                  <Part part={partOf(totalBytes, availableBytes)} atMs={atMs} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
