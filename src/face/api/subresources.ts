import { API_GROUP, instance, microservice, SECRET_KINDS } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { Collection } from "./collection.ts";
import type { InstanceAccess } from "./instance-access.ts";
import type { Part } from "./parts.ts";
import type { Reads } from "./reads.ts";
import type { Rights } from "./rights.ts";
import { Scales } from "./scale.ts";
import { serveSecrets } from "./secret-values.ts";
import type { Writes } from "./writes.ts";

export interface SubresourcesOptions {
  readonly store: Store;
  readonly reads: Reads;
  readonly writes: Writes;
  readonly rights: Rights;
  /** Absent: no logs, no scripts. */
  readonly access?: InstanceAccess;
}

/** Every subresource with every verb that is served there. */
export function subresources({ store, reads, writes, rights, access }: SubresourcesOptions): readonly Part[] {
  const scales = new Scales(store, rights);
  const isRunning = ({ stored }: Collection): boolean => stored === instance || stored === microservice;
  return [
    {
      name: "status",
      isOf: ({ stored }) => stored?.group === API_GROUP,
      hasArgument: false,
      isStream: false,
      verbs: {
        get: (exchange, { collection, namespace }, name) => reads.get(exchange, collection, { name, ...(namespace !== undefined && { namespace }) }),
        update: (exchange, target, name) => writes.update(exchange, target, name, "status"),
        patch: (exchange, target, name) => writes.patch(exchange, target, name, "status"),
      },
    },
    {
      name: "scale",
      kind: { group: "autoscaling", version: "v1", kind: "Scale" },
      isOf: ({ stored }) => stored?.scale !== undefined,
      hasArgument: false,
      isStream: false,
      verbs: {
        get: (exchange, target, name) => scales.get(exchange, target, name),
        update: (exchange, target, name) => scales.update(exchange, target, name),
        patch: (exchange, target, name) => scales.patch(exchange, target, name),
      },
    },
    {
      name: "secrets",
      kind: { group: API_GROUP, version: "v1", kind: "SecretValues" },
      isOf: ({ stored }) => stored?.group === API_GROUP && SECRET_KINDS.includes(stored.plural),
      hasArgument: false,
      isStream: false,
      verbs: { get: (exchange, target, name) => serveSecrets(exchange, target, name, rights) },
    },
    ...(access === undefined
      ? []
      : [
          {
            name: "log",
            isOf: isRunning,
            hasArgument: false,
            isStream: true,
            verbs: { get: (exchange, target, name) => access.log(exchange, target, name) },
          } satisfies Part,
          {
            name: "exec",
            isOf: isRunning,
            hasArgument: false,
            isStream: true,
            verbs: { create: (exchange, target, name) => access.exec(exchange, target, name) },
          } satisfies Part,
          {
            name: "scripts",
            isOf: isRunning,
            hasArgument: true,
            isStream: true,
            verbs: { create: (exchange, target, name, script) => access.script(exchange, target, name, script) },
          } satisfies Part,
        ]),
  ];
}
