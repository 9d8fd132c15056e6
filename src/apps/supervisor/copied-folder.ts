import { readdirSync, rmSync } from "node:fs";
import path from "node:path";

/** Of each instance: its runs, its ports and address, whether it was ready. What the service itself has written (`work/`) stays. */
const OF_AN_INSTANCE: readonly string[] = ["runs", "network.json", "memory.json"];
/** Of the gateway the number of its starts stays: it must only rise. The table, with addresses of instances, and what was in flight go. */
const KEPT_OF_THE_GATEWAY = "incarnation";

/** Removes from a copied data folder what tells of the processes, ports and addresses of the original. What the store says of them is forgotten by the centre (`forgetProcesses`). */
export function forgetOriginal(data: string): void {
  for (const name of ["run", "endpoints.json", "kubeconfig"]) remove(data, name);
  const instances = path.join(data, "agent", "instances");
  for (const uid of listFolder(instances)) for (const name of OF_AN_INSTANCE) remove(instances, uid, name);
  for (const name of listFolder(path.join(data, "gateway"))) if (name !== KEPT_OF_THE_GATEWAY) remove(data, "gateway", name);
}

function remove(...parts: readonly string[]): void {
  rmSync(path.join(...parts), { recursive: true, force: true });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
