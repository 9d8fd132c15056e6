/** The view of what would become of a request; and its rows. */
import { z } from "zod";
import { name } from "./fields.ts";
import type { Saying } from "./overview.ts";

export const tryView = z.strictObject({
  of: z.literal("try"),
  /** From outside: how the edge would take it. */
  method: z.string().min(1).max(20).default("GET"),
  host: z.string().max(300).optional(),
  path: z.string().max(8_000).default("/"),
  headers: z
    .record(z.string().min(1).max(200), z.string().max(8_000))
    .refine((map) => Object.keys(map).length <= 100, "at most 100 headers")
    .optional(),
  client: z.string().max(100).optional(),
  gateway: name.optional(),
  /** From a service: whom it calls, of which generation. */
  caller: name.optional(),
  service: name.optional(),
  generation: z.int().min(0).optional(),
});

export type TryView = z.output<typeof tryView>;

/** Rows of `try`: what would become of the request. During a ramp there are two, one for each generation that it may get. */
export interface TryRow {
  readonly type: "outcome";
  /** `refused`: by the gateway; `held`: it would wait for a handover; `full`: all instances have as many calls as they may have. */
  readonly kind: "admitted" | "refused" | "held" | "full" | "unknown";
  /** Part of such requests that it is true of: 0 to 1. */
  readonly share: number;
  readonly gateway?: { readonly name: string; readonly host: string };
  readonly route?: { readonly name: string; readonly host?: string; readonly path?: { readonly prefix?: string; readonly exact?: string } };
  readonly service?: string;
  readonly generation?: number;
  readonly revision?: string;
  readonly version?: string;
  /** The one that the balancer would take now, and all that it could take. */
  readonly instance?: string;
  readonly candidates?: readonly TryCandidate[];
  /** As the instance gets it. */
  readonly path?: string;
  /** Of a refusal: as the client gets them. */
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  /** Why, step by step. */
  readonly why: readonly Saying[];
}

export interface TryCandidate {
  readonly instance: string;
  readonly host: string;
  readonly isReady: boolean;
  readonly isLeaving: boolean;
}
