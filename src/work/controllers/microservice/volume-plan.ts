import {
  API_VERSION,
  type Instance,
  type Microservice,
  VOLUME_FINALIZER,
  VOLUME_HAD_ANNOTATION,
  type Volume,
  type VolumeMount,
  volumeName,
} from "#/model/index.ts";
import type { ObjectInput } from "#/state/store/index.ts";
import { chooseHost, type Placeable } from "../placement.ts";

/** Where an instance may go, given where its data is. */
export type VolumePlacement =
  | { readonly host: string; readonly create: readonly ObjectInput[] }
  /** No host; `why` if that is because of its data. */
  | { readonly host: undefined; readonly why: string | undefined };

/** The host for an instance: that on whose disk its volumes are; where it has none yet, as without volumes, and then the volumes that are to be made there, before the instance. Data never moves by itself: while its host cannot be used, the instance waits. */
export function placeWithVolumes(
  placed: {
    readonly service: Microservice;
    readonly mounts: readonly VolumeMount[];
    readonly slot: number;
    /** All Volumes of the service. */
    readonly volumes: readonly Volume[];
  },
  hosts: readonly Placeable[],
  load: Map<string, number>,
): VolumePlacement {
  const { service, mounts, slot, volumes } = placed;
  const names = new Map(mounts.map((one) => [volumeName(service.metadata.name, one.name, slot), one.name]));
  const present = volumes.filter((one) => names.has(one.metadata.name));
  const going = present.find((one) => one.metadata.deletionTimestamp !== undefined);
  if (going !== undefined) return { host: undefined, why: `its volume ${going.metadata.name} is being removed on ${going.spec.host}` };
  const [first] = present;
  const elsewhere = present.find((one) => one.spec.host !== first?.spec.host);
  if (first !== undefined && elsewhere !== undefined)
    return {
      host: undefined,
      why: `its volumes are on different hosts: ${first.metadata.name} on ${first.spec.host}, ${elsewhere.metadata.name} on ${elsewhere.spec.host}; remove the one that is not needed: orrery volume rm NAME`,
    };
  const host = chooseHost(first === undefined ? hosts : hosts.filter((one) => one.name === first.spec.host), load);
  if (host === undefined) {
    const why = `the data of ${first?.metadata.name} is on host ${first?.spec.host}, which cannot take it now: its agent is away, or it is cordoned or full. It is not started elsewhere, without its data`;
    return { host, why: first === undefined ? undefined : why };
  }
  const known = new Set(present.map((one) => one.metadata.name));
  const create = [...names].filter(([name]) => !known.has(name)).map(([name, volume]) => buildVolume(service, { name, volume, slot, host }));
  return { host, create };
}

/** Volumes that an instance has and nobody knows of: they are where it is, and what it has written there stays. */
export function missingVolumes(
  service: Microservice,
  { spec, metadata: { name: hadBy } }: Instance,
  volumes: readonly Volume[],
): readonly ObjectInput[] {
  return (spec.volumes ?? []).flatMap((one) => {
    const name = volumeName(service.metadata.name, one.name, spec.slot);
    if (volumes.some(({ metadata }) => metadata.name === name)) return [];
    return [buildVolume(service, { name, volume: one.name, slot: spec.slot, host: spec.host, hadBy })];
  });
}

/** Without an owner: it stays when the service is deleted. */
function buildVolume(
  service: Microservice,
  made: { readonly name: string; readonly volume: string; readonly slot: number; readonly host: string; readonly hadBy?: string },
): ObjectInput {
  const { name, volume, slot, host, hadBy } = made;
  return {
    apiVersion: API_VERSION,
    kind: "Volume",
    metadata: {
      name,
      namespace: service.metadata.namespace ?? "default",
      labels: { "orrery.dev/service": service.metadata.name },
      ...(hadBy === undefined ? {} : { annotations: { [VOLUME_HAD_ANNOTATION]: hadBy } }),
      finalizers: [VOLUME_FINALIZER],
    },
    spec: { service: service.metadata.name, volume, slot, host },
  };
}
