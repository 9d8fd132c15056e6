import { z } from "zod";
import { subdomain } from "./names.ts";

const time = z.string().max(64);
const short = z.string().max(1_024);

const reference = z.object({
  apiVersion: short.optional(),
  kind: short.min(1),
  namespace: short.optional(),
  name: short.min(1),
  uid: short.optional(),
  resourceVersion: short.optional(),
  fieldPath: short.optional(),
});

/** core/v1 Event as a client gives it: what an Event has not is dropped, as Kubernetes drops it. */
export const givenEvent = z.object({
  metadata: z.object({
    name: subdomain,
    namespace: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: z.record(short, short).optional(),
    annotations: z.record(short, z.string()).optional(),
  }),
  involvedObject: reference,
  type: z.enum(["Normal", "Warning"]).default("Normal"),
  reason: short.default(""),
  message: z.string().default(""),
  source: z.object({ component: short.optional(), host: short.optional() }).default({}),
  firstTimestamp: time.optional(),
  lastTimestamp: time.optional(),
  count: z.int().min(0).optional(),
  eventTime: time.optional(),
  series: z.object({ count: z.int().min(0), lastObservedTime: time.optional() }).optional(),
  action: short.optional(),
  related: reference.optional(),
  reportingComponent: short.optional(),
  reportingInstance: short.optional(),
});
export type GivenEvent = z.infer<typeof givenEvent>;

/** core/v1 Event, as `kubectl describe` and `kubectl get events` read it. Kept for an hour. Those that a client recorded may say more than our own. */
export interface Event {
  readonly apiVersion: "v1";
  readonly kind: "Event";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
  };
  readonly involvedObject: GivenEvent["involvedObject"];
  readonly type: "Normal" | "Warning";
  /** One CamelCase word. */
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly component?: string | undefined; readonly host?: string | undefined };
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
  readonly eventTime?: string | undefined;
  readonly series?: { readonly count: number; readonly lastObservedTime?: string | undefined } | undefined;
  readonly action?: string | undefined;
  readonly related?: GivenEvent["related"];
  readonly reportingComponent?: string | undefined;
  readonly reportingInstance?: string | undefined;
}
