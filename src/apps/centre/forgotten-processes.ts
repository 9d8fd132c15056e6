import { instance, microservice } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";

/** Forgets what is stored of processes that another site's agent runs: the status of each Instance, with its ports and its address, and the port that was given to each service. They are observed, and given, anew. Before anything decides by them: a table made of them would send this site's calls to the other's services. */
export async function forgetProcesses(store: Store): Promise<void> {
  for (const { metadata, spec, status } of (await store.list(instance)).items) {
    if (Object.keys(status ?? {}).length > 0) await store.update(instance, { metadata, spec, status: {} }, { subresource: "status" });
  }
  for (const { metadata, spec, status } of (await store.list(microservice)).items) {
    const { port, ...rest } = status ?? {};
    if (port !== undefined) await store.update(microservice, { metadata, spec, status: rest }, { subresource: "status" });
  }
}
