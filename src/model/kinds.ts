import { gateway } from "./gateway.ts";
import { generation } from "./generation.ts";
import { host } from "./host.ts";
import { instance } from "./instance.ts";
import { job } from "./job.ts";
import { jobRun } from "./job-run.ts";
import type { Kind } from "./kind.ts";
import { microservice } from "./microservice.ts";
import { resource } from "./resource.ts";
import { revision } from "./revision.ts";
import { route } from "./route.ts";
import { site } from "./site.ts";
import { update } from "./update.ts";
import { volume } from "./volume.ts";

/** All our kinds, in the order in which a folder of manifests is applied. */
export const kinds: readonly Kind[] = [
  site,
  host,
  gateway,
  resource,
  microservice,
  route,
  job,
  jobRun,
  volume,
  revision,
  generation,
  instance,
  update,
];

/** The kind of ours of that name (`Microservice`), plural, singular or short name; `undefined` if there is none. */
export function findKind(name: string): Kind | undefined {
  const lower = name.toLowerCase();
  return kinds.find((kind) => kind.kind === name || kind.plural === lower || kind.singular === lower || kind.shortNames?.includes(lower) === true);
}
