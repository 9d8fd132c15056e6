import { type ReactNode, useMemo, useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject, useView } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { mayAct } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Drawer, Tabs } from "../../parts/Drawer.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { EventList } from "../../parts/EventList.tsx";
import { LogTail } from "../../parts/LogTail.tsx";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { type Translate, useTexts } from "../../texts/index.ts";
import { Instances } from "./Instances.tsx";
import { Question, type Wish } from "./Question.tsx";
import { Revisions } from "./Revisions.tsx";
import { Scripts } from "./Scripts.tsx";
import { ServiceCalls } from "./ServiceCalls.tsx";
import { useScriptRuns } from "./script-runs.ts";
import { failureOf, INSTANCE_PATHS, isCarriedOut, type SeenService, type ServiceObject } from "./service.ts";

/** How is this one? Its instances, versions, events and log, and what can be done with it. */
export function ServiceDrawer({ name: key, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("services");
  const why = useWhy();
  const { namespace, name } = splitKey(key);
  const live = useObject<ServiceObject>("microservices", name, namespace);
  const { object } = live;
  const row = useView<TableRow>({
    of: "objects",
    resource: "microservices",
    namespace,
    fields: `metadata.name=${name}`,
    columns: [".metadata.name"],
    limit: 1,
  });
  const instances = useView<TableRow>({
    of: "objects",
    resource: "instances",
    namespace,
    fields: `spec.service=${name}`,
    columns: [...INSTANCE_PATHS],
    sort: { by: ".spec.slot" },
    limit: 1_000,
  });
  const [tab, setTab] = useParam("tab", "instances");
  const [wish, setWish] = useState<Wish>();
  const seen: SeenService = useMemo(() => ({ object, instances: instances.rows.map((one) => one.row) }), [object, instances.rows]);
  const deeds = useDeed(seen);
  const runs = useScriptRuns(namespace, name);
  const running = runs.runs.filter(({ is }) => is === "running").length;

  const tabs = [
    { id: "instances", title: t("tabs.instances"), count: instances.total },
    { id: "calls", title: t("tabs.calls") },
    { id: "revisions", title: t("tabs.revisions") },
    { id: "scripts", title: t("tabs.scripts"), ...(running > 0 && { count: running }) },
    { id: "manifest", title: t("tabs.manifest") },
    { id: "events", title: t("tabs.events") },
    { id: "log", title: t("tabs.log") },
  ];
  const panels: Readonly<Record<string, () => ReactNode>> = {
    instances: () => <Instances live={instances} namespace={namespace} deeds={deeds} />,
    calls: () => <ServiceCalls service={name} />,
    scripts: () => <Scripts object={object} instances={instances} runs={runs} />,
    manifest: () => (
      <ManifestTab
        kind="Microservice"
        resource="microservices"
        namespace={namespace}
        name={name}
        isSeen={(written, now) => isCarriedOut(written as unknown as ServiceObject, now as unknown as ServiceObject)}
        failure={(written, now) => failureOf(written as unknown as ServiceObject, now as unknown as ServiceObject)}
      />
    ),
    revisions: () => <Revisions service={name} namespace={namespace} object={object} />,
    events: () => <EventList kind="Microservice" name={name} namespace={namespace} />,
    log: () => <LogTail namespace={namespace} services={[name]} />,
  };
  const shown = Object.hasOwn(panels, tab) ? tab : "instances";

  return (
    <Drawer label={t("details", { name })} of={key} onClose={onClose}>
      <PageHead
        level={2}
        title={name}
        kind={object?.status?.servedVersion ?? ""}
        state={row.rows[0]?.row.state}
        seen={row.rows[0]?.seen}
        isStale={live.isStale}
        actions={object === undefined ? undefined : <Actions object={object} onWish={setWish} />}
      >
        {object === undefined && !live.isLoading ? t("gone", { name }) : sentence(object, t, why)}
      </PageHead>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <Tabs label={t("details", { name })} tabs={tabs} current={shown} onChange={(id) => setTab(id)}>
        {panels[shown]?.()}
      </Tabs>
      {wish !== undefined && object !== undefined && <Question wish={wish} object={object} run={deeds.run} onClose={() => setWish(undefined)} />}
    </Drawer>
  );
}

/** What is going on, as whoever looks after it says. */
function sentence(object: ServiceObject | undefined, t: Translate, why: ReturnType<typeof useWhy>): ReactNode {
  if (object === undefined) return "";
  if (object.spec.suspended) return t("isStopped");
  const ready = object.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready !== undefined && ready.status !== "True") return why({ ...ready, name: object.metadata.name });
  return t("isWell", { count: object.status?.readyReplicas ?? 0, version: object.status?.servedVersion ?? "?" });
}

function Actions({ object, onWish }: { readonly object: ServiceObject; readonly onWish: (wish: Wish) => void }) {
  const t = useTexts("services");
  const isStopped = object.spec.suspended;
  const offered: readonly (readonly [Wish, boolean])[] = [
    ["start", isStopped && mayAct("start")],
    ["scale", !isStopped && mayAct("scale")],
    ["restart", !isStopped && mayAct("start") && mayAct("stop")],
    ["stop", !isStopped && mayAct("stop")],
  ];
  return offered
    .filter(([, isOffered]) => isOffered)
    .map(([wish]) => (
      <button key={wish} type="button" className="button" onClick={() => onWish(wish)}>
        {t(`verbs.${wish}`)}
      </button>
    ));
}
