import type { Clock, Log, Random } from "#/base/index.ts";
import {
  gateway,
  generation,
  host,
  instance,
  job,
  jobRun,
  type Kind,
  matchKey,
  microservice,
  resource,
  revision,
  route,
  SITE_NAME,
  site,
  update,
  volume,
} from "#/model/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** One local copy of each kind, shared by all controllers of a centre. */
export interface Caches {
  /** The one Site. */
  readonly sites: Reflector<typeof site>;
  readonly generations: Reflector<typeof generation>;
  readonly microservices: Reflector<typeof microservice>;
  /** Index `service` (namespace/name). */
  readonly revisions: Reflector<typeof revision>;
  /** Indexes `service`, `revision` and `jobRun` (namespace/name), `host` and `over` (name of the host; runs of jobs that are over). */
  readonly instances: Reflector<typeof instance>;
  /** Indexes `service` (namespace/name), `match` (`matchKey`). */
  readonly routes: Reflector<typeof route>;
  /** Index `service` (namespace/name). */
  readonly volumes: Reflector<typeof volume>;
  readonly jobs: Reflector<typeof job>;
  /** Index `job` (namespace/name). */
  readonly jobRuns: Reflector<typeof jobRun>;
  readonly resources: Reflector<typeof resource>;
  readonly hosts: Reflector<typeof host>;
  readonly gateways: Reflector<typeof gateway>;
  readonly updates: Reflector<typeof update>;
}

export interface CachesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Makes the copies; `runCaches` fills them. */
export function createCaches(options: CachesOptions): Caches {
  const reflect = <K extends Kind>(kind: K, fieldSelector?: string): Reflector<K> =>
    new Reflector({ ...options, kind, ...(fieldSelector === undefined ? {} : { selection: { fieldSelector } }) });
  const instances = reflect(instance);
  instances.addIndex("service", (one) => (one.spec.service === undefined ? undefined : `${one.metadata.namespace}/${one.spec.service}`));
  instances.addIndex("revision", (one) => (one.spec.revision === undefined ? undefined : `${one.metadata.namespace}/${one.spec.revision}`));
  instances.addIndex("jobRun", (one) => (one.spec.jobRun === undefined ? undefined : `${one.metadata.namespace}/${one.spec.jobRun}`));
  instances.addIndex("over", (one) => (one.status?.outcome === undefined ? undefined : one.spec.host));
  instances.addIndex("host", (one) => one.spec.host);
  const jobRuns = reflect(jobRun);
  jobRuns.addIndex("job", (one) => `${one.metadata.namespace}/${one.spec.job}`);
  const volumes = reflect(volume);
  volumes.addIndex("service", (one) => `${one.metadata.namespace}/${one.spec.service}`);
  const revisions = reflect(revision);
  revisions.addIndex("service", (one) => `${one.metadata.namespace}/${one.spec.service}`);
  const routes = reflect(route);
  routes.addIndex("service", (one) => `${one.metadata.namespace}/${one.spec.service}`);
  routes.addIndex("match", (one) => matchKey(one.spec));
  return {
    // A store from elsewhere may hold others; they decide nothing.
    sites: reflect(site, `metadata.name=${SITE_NAME}`),
    generations: reflect(generation),
    microservices: reflect(microservice),
    revisions,
    instances,
    routes,
    volumes,
    jobs: reflect(job),
    jobRuns,
    resources: reflect(resource),
    hosts: reflect(host),
    gateways: reflect(gateway),
    updates: reflect(update),
  };
}

/** Keeps all copies until `signal` aborts; resolves `ready` when each has been filled once. */
export function runCaches(caches: Caches, signal: AbortSignal): { readonly ready: Promise<void>; readonly ended: Promise<void> } {
  const all = Object.values(caches) as Reflector<Kind>[];
  return {
    ready: Promise.all(all.map((one) => one.synced)).then(() => {}),
    ended: Promise.all(all.map((one) => one.run(signal))).then(() => {}),
  };
}
