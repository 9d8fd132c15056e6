import { type Instance, instance, type Volume, volume, volumeName } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";

/** A Volume, and the instances that have it. */
export interface UsedVolume {
  readonly volume: Volume;
  readonly users: readonly Instance[];
}

/** All Volumes, by name, each with who uses it. */
export async function loadVolumes(api: Client): Promise<readonly UsedVolume[]> {
  const [volumes, instances] = await Promise.all([list<Volume>(api, volume), list<Instance>(api, instance)]);
  const users = new Map<string, Instance[]>();
  for (const one of instances)
    for (const { name } of one.spec.volumes ?? []) {
      const key = `${one.metadata.namespace}/${volumeName(one.spec.service ?? "", name, one.spec.slot)}`;
      users.set(key, [...(users.get(key) ?? []), one]);
    }
  return volumes
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((one) => ({ volume: one, users: users.get(`${one.metadata.namespace}/${one.metadata.name}`) ?? [] }));
}

async function list<T>(api: Client, kind: Parameters<typeof objectPath>[0]): Promise<readonly T[]> {
  return ((await api.request({ path: objectPath(kind) })).body as { readonly items: readonly T[] }).items;
}
