/** The sites that are updated under load, and how an answer of each is judged. */
import path from "node:path";
import { ROOT } from "../harness/report.ts";
import type { Target } from "./load.ts";

export interface BenchSite {
  readonly name: string;
  readonly folder: string;
  /** The service that is updated between v1 and v2. */
  readonly service: string;
  target(edge: string): Target;
}

interface Tree {
  readonly service: string;
  readonly version: string;
  readonly calls: readonly Tree[];
}

export const SITES: readonly BenchSite[] = [
  {
    name: "ground-station",
    folder: path.join(ROOT, "sites/ground-station"),
    service: "auth",
    target: (edge) => ({
      url: `${edge}/api/passes?satellite=ISS&hours=1`,
      judge(body) {
        const { authIssued, authVerified } = (JSON.parse(body) as { servedBy: Record<string, string> }).servedBy;
        const isMixed = authIssued !== authVerified;
        return {
          version: authIssued ?? "",
          ...(isMixed ? { mix: `the token was given by auth ${authIssued} and verified by auth ${authVerified}` } : {}),
        };
      },
      // The two versions' tokens do not fit each other.
      isMixFailure: (body) => /token-(version-mismatch|malformed|signature)/.test(body),
    }),
  },
  {
    name: "mesh",
    folder: path.join(ROOT, "sites/mesh"),
    // Met by a request on several ways, and several times.
    service: "tax",
    target: (edge) => ({
      url: `${edge}/?ttl=4`,
      judge(body) {
        const versions = new Set(versionsOf(JSON.parse(body) as Tree, "tax"));
        return { version: [...versions].join("+"), ...(versions.size > 1 ? { mix: `one request met tax ${[...versions].join(" and ")}` } : {}) };
      },
    }),
  },
];

/** Versions of `service` in a tree, but for what stands below `legacy`, which does not say for whom it calls. */
function* versionsOf(tree: Tree, service: string): Iterable<string> {
  if (tree.service === service) yield tree.version;
  if (tree.service !== "legacy") for (const call of tree.calls) yield* versionsOf(call, service);
}
