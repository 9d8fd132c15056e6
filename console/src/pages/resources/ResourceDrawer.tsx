import { type ReactNode, useMemo, useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject, useView } from "../../api/live.ts";
import { patchObject, splitKey } from "../../api/objects.ts";
import { mayEdit } from "../../api/rights.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Ask } from "../../parts/Ask.tsx";
import { Changed } from "../../parts/Changed.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Drawer, Facts, Tabs } from "../../parts/Drawer.tsx";
import { type Deeds, useDeed } from "../../parts/deeds.ts";
import { EventList } from "../../parts/EventList.tsx";
import { HoldsUp } from "../../parts/HoldsUp.tsx";
import { LogTail } from "../../parts/LogTail.tsx";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts } from "../../texts/index.ts";
import { isSilenced, type LiveObservation, leavesOf, newestOf, type Observed, probeText, type ResourceObject, valueText } from "./resource.ts";

interface ResourceDrawerProps {
  /** `default/antenna`. */
  readonly name: string;
  readonly onClose: () => void;
  readonly onCapability: (capability: string) => void;
  readonly onPlace: (place: string) => void;
}

/** How is this one? What was seen of it and when, what is wanted, how it is looked at, and what its probe says. */
export function ResourceDrawer({ name: key, onClose, onCapability, onPlace }: ResourceDrawerProps) {
  const t = useTexts("resources");
  const why = useWhy();
  const { namespace, name } = splitKey(key);
  const live = useObject<ResourceObject>("resources", name, namespace);
  const { object } = live;
  const row = useView<TableRow>({
    of: "objects",
    resource: "resources",
    namespace,
    fields: `metadata.name=${name}`,
    columns: [".metadata.name"],
    limit: 1,
  });
  const topic = useView<LiveObservation>({ of: "topic", topic: "observations", key: `${namespace}/${name}` });
  const seen = useMemo(() => {
    const { observed, observedAt, observedBy } = object?.status ?? {};
    return newestOf({ observed, atMs: observedAt === undefined ? undefined : Date.parse(observedAt), by: observedBy }, topic.rows[0]?.row.value);
  }, [object, topic.rows]);
  const [tab, setTab] = useParam("tab", "state");
  const [isAsking, setAsking] = useState(false);
  const deeds = useDeed(object);

  const tabs = [
    { id: "state", title: t("tabs.state") },
    { id: "facts", title: t("tabs.facts") },
    { id: "manifest", title: t("tabs.manifest") },
    { id: "events", title: t("tabs.events") },
    ...(object?.spec.probe === undefined ? [] : [{ id: "log", title: t("tabs.log") }]),
  ];
  const panels: Readonly<Record<string, () => ReactNode>> = {
    state: () => <ObservedState object={object} seen={seen} isStale={live.isStale || row.rows[0]?.row.state?.severity === "unknown"} />,
    facts: () => <Described object={object} onCapability={onCapability} onPlace={onPlace} />,
    manifest: () => (
      <ManifestTab
        kind="Resource"
        resource="resources"
        namespace={namespace}
        name={name}
        effect={(before, after) => isSilenced(before, after) && <HoldsUp resource={name} namespace={namespace} />}
      />
    ),
    events: () => <EventList kind="Resource" name={name} namespace={namespace} />,
    log: () => <ProbeLog object={object} namespace={namespace} />,
  };
  const shown = tabs.some(({ id }) => id === tab) ? tab : "state";
  const isOn = object?.spec.probeEnabled !== false;
  const ready = object?.status?.conditions?.find(({ type }) => type === "Ready");
  return (
    <Drawer label={t("details", { name })} of={key} onClose={onClose}>
      <PageHead
        level={2}
        title={<Plain text={object?.spec.displayName ?? name} />}
        {...(object !== undefined && { kind: t(`one.${object.spec.type}`) })}
        state={row.rows[0]?.row.state}
        {...(seen.atMs !== undefined && { seen: { at: new Date(seen.atMs).toISOString(), ...(seen.by !== undefined && { by: seen.by }) } })}
        isStale={live.isStale}
        actions={
          object?.spec.probe !== undefined &&
          mayEdit("resources") && (
            <button type="button" className="button" onClick={() => setAsking(true)}>
              {isOn ? t("switchOff") : t("switchOn")}
            </button>
          )
        }
      >
        {object === undefined ? (live.isLoading ? "" : t("gone", { name })) : ready === undefined ? t("notJudged") : why({ ...ready, name })}
      </PageHead>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <Tabs label={t("details", { name })} tabs={tabs} current={shown} onChange={(id) => setTab(id)}>
        {panels[shown]?.()}
      </Tabs>
      {isAsking && object !== undefined && <Switch object={object} namespace={namespace} run={deeds.run} onClose={() => setAsking(false)} />}
    </Drawer>
  );
}

/** Every value that was seen, its age once, and what is wanted where that is another. */
function ObservedState({
  object,
  seen,
  isStale,
}: {
  readonly object: ResourceObject | undefined;
  readonly seen: Observed;
  readonly isStale: boolean;
}) {
  const t = useTexts("resources");
  const leaves = useMemo(() => leavesOf(seen.observed, object?.spec.desired), [seen.observed, object?.spec.desired]);
  const different = leaves.filter(({ isDifferent }) => isDifferent).length;
  return (
    <>
      {seen.error !== undefined && (
        <p className="note is-bad" role="alert">
          {t("lookFailed")} <Plain className="mono" text={seen.error} />
        </p>
      )}
      {leaves.length === 0 ? (
        <div className="standing quiet">
          <p>{object?.spec.probe === undefined ? t("noProbe") : t("neverSeen")}</p>
        </div>
      ) : (
        <>
          <p className="small quiet">
            {seen.atMs === undefined ? (
              t("neverSeen")
            ) : (
              <>
                {t("seen")} <Age at={seen.atMs} isAgo />
              </>
            )}
            {different > 0 && <span className="is-different"> · {t("differ", { count: different })}</span>}
          </p>
          <table className={`plain-table${isStale ? " is-stale" : ""}`}>
            <thead>
              <tr>
                <th scope="col">{t("what")}</th>
                <th scope="col">{t("value")}</th>
                {object?.spec.desired !== undefined && <th scope="col">{t("wanted")}</th>}
              </tr>
            </thead>
            <tbody>
              {leaves.map(({ path, value, desired, isDifferent }) => (
                <tr key={path}>
                  <td className="quiet">
                    <Plain text={path} />
                  </td>
                  <td>
                    <Changed value={valueText(value)}>
                      <Plain text={valueText(value)} />
                    </Changed>
                  </td>
                  {object?.spec.desired !== undefined && (
                    <td className={isDifferent ? "is-different" : "quiet"}>
                      <Plain text={desired === undefined ? "" : valueText(desired)} />
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function Described({
  object,
  onCapability,
  onPlace,
}: {
  readonly object: ResourceObject | undefined;
  readonly onCapability: (capability: string) => void;
  readonly onPlace: (place: string) => void;
}) {
  const t = useTexts("resources");
  if (object === undefined) return null;
  const { spec, metadata } = object;
  const facts: (readonly [string, ReactNode])[] = [
    [t("id"), <Plain key="id" className="mono" text={spec.id} />],
    [
      t("place"),
      spec.place === undefined ? (
        "–"
      ) : (
        <button key="place" type="button" className="link" onClick={() => onPlace(spec.place ?? "")}>
          <Plain text={spec.place} />
        </button>
      ),
    ],
    [t("access"), spec.access === undefined ? "–" : <Plain key="access" text={`${spec.access.protocol}, ${spec.access.address}`} />],
    [t("made"), <Age key="made" at={Date.parse(metadata.creationTimestamp)} isAgo />],
  ];
  return (
    <>
      {spec.description !== undefined && (
        <p className="prose">
          <Plain text={spec.description} />
        </p>
      )}
      <Facts facts={facts} />
      {(spec.capabilities ?? []).length > 0 && (
        <section>
          <h3>{t("capabilities")}</h3>
          <ul className="capabilities">
            {spec.capabilities?.map((one) => (
              <li key={one}>
                <button type="button" className="button is-small" title={t("othersWith", { capability: one })} onClick={() => onCapability(one)}>
                  {one}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>{t("probe")}</h3>
        <ProbeFacts object={object} />
      </section>
      {Object.keys(metadata.labels ?? {}).length > 0 && (
        <section>
          <h3>{t("labels")}</h3>
          <p className="mono small labels">
            {Object.entries(metadata.labels ?? {}).map(([key, value]) => (
              <span key={key}>
                {key}={value}
              </span>
            ))}
          </p>
        </section>
      )}
    </>
  );
}

function ProbeFacts({ object: { spec, status } }: { readonly object: ResourceObject }) {
  const t = useTexts("resources");
  if (spec.probe === undefined) return <p className="quiet">{t("noProbe")}</p>;
  const { how, what } = probeText(spec.probe);
  return (
    <Facts
      facts={[
        [t("how"), t(`ways.${how}`)],
        ...(what === "" ? [] : [[t("at"), <Plain key="what" className="mono" text={what} />] as const]),
        [t("interval"), spec.probe.interval ?? "–"],
        [t("maxAge"), spec.maxAge ?? t("threeIntervals")],
        [t("host"), spec.host === undefined ? t("anyHost") : spec.host],
        [t("runsAs"), status?.probeInstance ?? t("doesNotRun")],
      ]}
    />
  );
}

function ProbeLog({ object, namespace }: { readonly object: ResourceObject | undefined; readonly namespace: string }) {
  const t = useTexts("resources");
  const instance = object?.status?.probeInstance;
  if (instance === undefined) return <p className="standing quiet">{t("noLog")}</p>;
  return <LogTail namespace={namespace} instances={[instance]} />;
}

interface SwitchProps {
  readonly object: ResourceObject;
  readonly namespace: string;
  readonly run: Deeds<ResourceObject | undefined>["run"];
  readonly onClose: () => void;
}

/** Before a probe is switched off: which services are not updated while nobody looks. */
function Switch({ object, namespace, run, onClose }: SwitchProps) {
  const t = useTexts("resources");
  const isOn = object.spec.probeEnabled !== false;
  const { name } = object.metadata;
  return (
    <Ask
      title={isOn ? t("askOff", { name }) : t("askOn", { name })}
      verb={isOn ? t("switchOff") : t("switchOn")}
      onClose={onClose}
      onAnswer={(reason) =>
        run({
          title: isOn ? t("deedOff", { name }) : t("deedOn", { name }),
          send: () => patchObject({ resource: "resources", namespace, name }, { spec: { probeEnabled: !isOn } }, reason),
          isSeen: (seen) =>
            seen?.spec.probeEnabled === !isOn &&
            (isOn ? seen.status?.conditions?.some(({ reason: why }) => why === "ProbeDisabled") === true : (seen.status?.probeInstance ?? "") !== ""),
          doneText: isOn ? t("isOff") : t("isOn"),
        })
      }
    >
      <p>{isOn ? t("effectOff") : t("effectOn")}</p>
      {isOn && <HoldsUp resource={name} namespace={namespace} />}
    </Ask>
  );
}
