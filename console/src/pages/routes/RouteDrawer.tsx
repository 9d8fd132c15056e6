import type { ReactNode } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject, useView } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { go, linkTo, useParam } from "../../frame/location.ts";
import type { Condition } from "../../frame/site.ts";
import { Drawer, Facts, Tabs } from "../../parts/Drawer.tsx";
import { EventList } from "../../parts/EventList.tsx";
import { withoutEscapes } from "../../parts/escapes.ts";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts } from "../../texts/index.ts";

interface RouteObject {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly host?: string;
    readonly path?: { readonly prefix?: string; readonly exact?: string };
    readonly methods?: readonly string[];
    readonly headers?: readonly { readonly name: string; readonly value: string }[];
    readonly tcp?: { readonly port: number; readonly address?: string };
    readonly service: string;
    readonly port?: string;
    readonly filters?: readonly unknown[];
    readonly timeout?: string;
    readonly maxTransaction?: string;
    readonly retries?: number;
    readonly streams?: readonly string[];
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** What does this route match, and what does it do with it? */
export function RouteDrawer({ name: key, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("routes");
  const why = useWhy();
  const { namespace, name } = splitKey(key);
  const live = useObject<RouteObject>("routes", name, namespace);
  const { object } = live;
  const row = useView<TableRow>({
    of: "objects",
    resource: "routes",
    namespace,
    fields: `metadata.name=${name}`,
    columns: [".metadata.name"],
    limit: 1,
  });
  const [tab, setTab] = useParam("tab", "facts");
  const panels: Readonly<Record<string, () => ReactNode>> = {
    facts: () => (object === undefined ? null : <RouteFacts object={object} namespace={namespace} />),
    manifest: () => <ManifestTab kind="Route" resource="routes" namespace={namespace} name={name} />,
    events: () => <EventList kind="Route" name={name} namespace={namespace} />,
  };
  const shown = Object.hasOwn(panels, tab) ? tab : "facts";
  const accepted = object?.status?.conditions?.find(({ type }) => type === "Accepted" || type === "Ready");
  const { host, path, tcp } = object?.spec ?? {};
  const tried = path?.exact ?? path?.prefix ?? "/";
  // `*.example.org` is no host that a request has.
  const triedHost = host === undefined ? "" : `&host=${encodeURIComponent(host.replace(/^\*/, "any"))}`;
  return (
    <Drawer label={t("details", { name })} of={key} onClose={onClose}>
      <PageHead
        level={2}
        title={<Plain text={name} />}
        state={row.rows[0]?.row.state}
        seen={row.rows[0]?.seen}
        isStale={live.isStale}
        actions={
          object !== undefined && tcp === undefined ? (
            <button type="button" className="button" onClick={() => go(`/routes?try=${encodeURIComponent(tried)}${triedHost}`)}>
              {t("try")}
            </button>
          ) : undefined
        }
      >
        {object === undefined && !live.isLoading ? t("gone", { name }) : accepted === undefined ? "" : why({ ...accepted, name })}
      </PageHead>
      <Tabs
        label={t("details", { name })}
        tabs={[
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

function RouteFacts({ object: { spec }, namespace }: { readonly object: RouteObject; readonly namespace: string }) {
  const t = useTexts("routes");
  const { service } = spec;
  const text = (value: string | number | undefined): ReactNode => <Plain text={value === undefined || value === "" ? "–" : String(value)} />;
  const link = <a {...linkTo(`/services?open=${namespace}/${encodeURIComponent(service)}`)}>{service}</a>;
  return (
    <>
      <Facts
        facts={[
          [t("requestHost"), text(spec.host)],
          [spec.path?.exact === undefined ? t("prefix") : t("exact"), text(spec.path?.exact ?? spec.path?.prefix)],
          [t("method"), text(spec.methods?.join(", "))],
          [t("headers"), text(spec.headers?.map(({ name, value }) => `${name}: ${value}`).join("\n"))],
          ...(spec.tcp === undefined ? [] : [["TCP", text(`${spec.tcp.address ?? ""}:${spec.tcp.port}`)] as const]),
          [t("service"), link],
          [t("port"), text(spec.port)],
          [t("timeout"), text(spec.timeout)],
          [t("longest"), text(spec.maxTransaction)],
          [t("retries"), text(spec.retries)],
          [t("streams"), text(spec.streams?.join(", "))],
        ]}
      />
      {spec.filters !== undefined && spec.filters.length > 0 && (
        <section aria-label={t("filters")}>
          <h3>{t("filters")}</h3>
          <pre className="last-lines">{withoutEscapes(JSON.stringify(spec.filters, null, 2).slice(0, 20_000))}</pre>
        </section>
      )}
    </>
  );
}
