import { silentLog } from "#/base/index.ts";
import { type OpenStore, storeConformance } from "#/state/store/conformance/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import { openApiSite } from "./api-site.ts";

const open: OpenStore = async (context, { hasCollector }) => {
  const user = { name: "tester", groups: ["orrery:admins", "orrery:agents"], via: "machine" as const };
  const options = { hasCollector, api: { authenticate: () => user, namespaces: ["default", "a", "a-b", "b", "other"] } };
  const site = await openApiSite(context, options);
  const store = new RemoteStore({ client: site.client(), log: silentLog });
  context.after(() => store.close());
  const restart = async (): Promise<RemoteStore> => {
    const again = new RemoteStore({ client: (await openApiSite(context, { ...options, tree: site.tree })).client(), log: silentLog });
    context.after(() => again.close());
    return again;
  };
  return { store, restart };
};

// Its server has its own `admit`.
storeConformance("RemoteStore", open, { admits: false });
