import { isDeepStrictEqual } from "node:util";
import { type Clock, describeError, isOrreryError, type Log, type Random } from "#/base/index.ts";
import { API_VERSION, type FileMapping, host, INSTANCE_FINALIZER, type Instance, instance, type Resource, resource } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey, type ReconcileResult } from "#/state/reconcile/index.ts";
import type { ObjectInput, Store } from "#/state/store/index.ts";
import { renderedIn } from "../microservice/instance-plan.ts";
import { writeStatus } from "../status-writer.ts";
import { type Observation, resourceStatus } from "./status.ts";

/** What it looks at. */
export const RESOURCE_READS = { resources: resource, instances: instance, hosts: host };

export interface ResourceControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof RESOURCE_READS>;
  readonly keepFiles: (files: readonly FileMapping[]) => Promise<string | undefined>;
  /** Newest observation of a resource (key: namespace/name), if any. */
  readonly observationOf: (key: string) => Observation | undefined;
  readonly isHostKnown: (host: string) => boolean;
  /** Whether the host's agent is connected and says something. */
  readonly isHeard: (host: string) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A Resource's probe becomes an Instance; its observations become status. On deletion there is nothing to do: ownership collects the Instance. Key: namespace/name. */
export function createResourceController(options: ResourceControllerOptions): Controller {
  const { caches, clock, random, log } = options;
  const controller = new Controller({ name: "resource-controller", clock, random, log, concurrency: 4, reconcile: (key) => reconcile(options, key) });
  caches.resources.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after !== undefined) controller.enqueue(objectKey(after));
  });
  caches.instances.listen((before, after) => {
    const one = after ?? before;
    if (one?.spec.resource !== undefined) controller.enqueue(`${one.metadata.namespace}/${one.spec.resource}`);
  });
  caches.hosts.listen((before) => {
    if (before === undefined) for (const one of caches.resources.values()) controller.enqueue(objectKey(one), 50);
  });
  return controller;
}

async function reconcile(options: ResourceControllerOptions, key: string): Promise<ReconcileResult | undefined> {
  const { store, caches, clock } = options;
  const one = caches.resources.get(key);
  if (one === undefined || one.metadata.deletionTimestamp !== undefined) return undefined;
  const name = `probe-${one.metadata.name}`;
  const present = caches.instances.get(`${one.metadata.namespace}/${name}`);
  const wish = await probeWish(options, one);
  if (wish.instance === undefined) {
    if (present !== undefined && isOwnedBy(present, one) && present.metadata.deletionTimestamp === undefined)
      await store.delete(instance, present.metadata, { preconditions: { uid: present.metadata.uid } });
  } else if (present === undefined) {
    await store.create(instance, wish.instance);
  } else if (present.metadata.deletionTimestamp === undefined && !matches(present, wish.instance)) {
    // An Instance is never changed into another one: the old process ends first, then the new one is made under the same name.
    await store.delete(instance, present.metadata, { preconditions: { uid: present.metadata.uid } });
  }
  const observation = wish.error === undefined ? options.observationOf(key) : { error: wish.error, atMs: clock.now(), by: "resource-controller" };
  const host = present?.spec.host;
  const silentHost = host !== undefined && !options.isHeard(host) ? host : undefined;
  const { status, changesAtMs } = resourceStatus(one, observation, wish.instance === undefined ? undefined : name, clock.now(), silentHost);
  await writeStatus(store, resource, one, status);
  if (wish.error !== undefined) return { requeueAfterMs: 5000 };
  return changesAtMs === undefined ? undefined : { requeueAfterMs: Math.max(1, changesAtMs - clock.now()) };
}

/** The Instance that a Resource's probe should be; none if it is switched off, cannot be run here or has no host. */
async function probeWish(options: ResourceControllerOptions, one: Resource): Promise<{ readonly instance?: ObjectInput; readonly error?: string }> {
  const { probe, probeEnabled, files, env } = one.spec;
  if (probe === undefined || !probeEnabled || (probe.command === undefined && probe.image !== undefined)) return {};
  const host = chooseHost(options, one);
  if (host === undefined) return {};
  let artifact: string | undefined;
  try {
    artifact = await options.keepFiles(files);
  } catch (error) {
    if (!isOrreryError(error) || !error.code.startsWith("artifacts/")) throw error;
    return { error: describeError(error) };
  }
  return {
    instance: {
      apiVersion: API_VERSION,
      kind: instance.kind,
      metadata: {
        name: `probe-${one.metadata.name}`,
        namespace: one.metadata.namespace ?? "default",
        labels: { "orrery.dev/resource": one.metadata.name },
        finalizers: [INSTANCE_FINALIZER],
        ownerReferences: [{ apiVersion: API_VERSION, kind: one.kind, name: one.metadata.name, uid: one.metadata.uid, controller: true }],
      },
      spec: {
        host,
        slot: 0,
        resource: one.metadata.name,
        probe,
        ...(probe.command === undefined ? {} : { run: { command: probe.command, args: probe.args, workingDir: "." } }),
        ...(artifact === undefined ? {} : { artifact }),
        ...renderedIn(files),
        env,
        ports: [],
      },
    },
  };
}

/** The host that the Resource names, else the one that probes it now, else the first that is there. */
function chooseHost(options: ResourceControllerOptions, one: Resource): string | undefined {
  const { caches, isHostKnown } = options;
  if (one.spec.host !== undefined) return caches.hosts.get(one.spec.host) === undefined ? undefined : one.spec.host;
  const present = caches.instances.get(`${one.metadata.namespace}/probe-${one.metadata.name}`)?.spec.host;
  if (present !== undefined && caches.hosts.get(present) !== undefined) return present;
  const names = [...caches.hosts.values()].filter((host) => !host.spec.cordoned && isHostKnown(host.metadata.name)).map((host) => host.metadata.name);
  return names.sort()[0];
}

function matches(present: Instance, wish: ObjectInput): boolean {
  const wanted = wish.spec as Partial<Instance["spec"]>;
  return (["host", "probe", "run", "artifact", "rendered", "env"] as const).every((field) =>
    isDeepStrictEqual(present.spec[field] ?? undefined, wanted[field] ?? undefined),
  );
}

function isOwnedBy(present: Instance, one: Resource): boolean {
  return present.metadata.ownerReferences?.some((owner) => owner.uid === one.metadata.uid) === true;
}
