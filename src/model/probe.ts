import { z } from "zod";
import { duration } from "./duration.ts";
import { httpUrl } from "./http-text.ts";

/** How a resource is observed: a program (`command` and `args`; container platforms also use `image`), or one of the built-in probes http, tcp, exec, host. */
export const probe = z
  .strictObject({
    image: z.string().optional().describe("Container image; kept, and used where containers are run."),
    command: z.array(z.string()).min(1).optional(),
    args: z.array(z.string()).default([]),
    http: z.strictObject({ url: httpUrl.describe("Asked with GET; a JSON object in the answer becomes the observed state.") }).optional(),
    tcp: z.strictObject({ address: z.string().describe("host:port to connect to.") }).optional(),
    exec: z
      .strictObject({ command: z.array(z.string()).min(1) })
      .optional()
      .describe("Run once each interval; its JSON lines are read."),
    host: z.strictObject({}).optional().describe("Facts and use of the host itself."),
    interval: duration.default("10s"),
    timeout: duration.default("5s"),
  })
  .refine(
    (one) => [one.command ?? one.image, one.http, one.tcp, one.exec, one.host].filter((way) => way !== undefined).length === 1,
    "give exactly one of command (or image), http, tcp, exec, host",
  );
export type Probe = z.infer<typeof probe>;
