import { z } from "zod";

import { parseEndpoint } from "#/base/index.ts";
import { someDuration } from "./duration.ts";
import { httpUrl } from "./http-text.ts";
import { argument, command } from "./program.ts";

const hostAndPort = z
  .string()
  .max(300)
  .refine((text) => {
    const port = Number(/^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(text)?.[1]);
    return port >= 1 && port <= 65_535;
  }, "give host:port, as in 10.0.0.7:502 or [fd00::7]:502");

/** How a resource is observed: a program (`command` and `args`; container platforms also use `image`), or one of the built-in probes http, tcp, exec, snmp, host. */
export const probe = z
  .strictObject({
    image: z.string().optional().describe("Container image; kept, and used where containers are run."),
    command: command.optional(),
    args: z.array(argument).max(500).default([]),
    http: z.strictObject({ url: httpUrl.describe("Asked with GET; a JSON object in the answer becomes the observed state.") }).optional(),
    tcp: z.strictObject({ address: hostAndPort.describe("host:port to connect to.") }).optional(),
    exec: z.strictObject({ command }).optional().describe("Run once each interval; its JSON lines are read."),
    snmp: z
      .strictObject({
        address: hostAndPort
          .refine((text) => parseEndpoint(text) !== undefined, "give an IP address and a port, as in 10.0.0.7:161 or [fd00::7]:161")
          .describe("IP address and port of the device."),
        profile: z
          .string()
          .regex(/^[A-Za-z0-9][-A-Za-z0-9_]{0,60}$/, "the name of a device profile, such as generic")
          .default("generic")
          .describe("Device profile: generic, cisco, h3c, huawei, ups, or a file NAME.yaml among `files`."),
      })
      .optional()
      .describe("Asked by SNMP. Its env has SNMP_COMMUNITY (default public), or SNMP_USER, SNMP_AUTH, SNMP_PRIV, SNMP_AUTH_PROTOCOL."),
    host: z.strictObject({}).optional().describe("Facts and use of the host itself."),
    interval: someDuration.default("10s").describe("From one look to the next; less than 100ms counts as 100ms."),
    timeout: someDuration.default("5s"),
  })
  .refine(
    (one) => [one.command ?? one.image, one.http, one.tcp, one.exec, one.snmp, one.host].filter((way) => way !== undefined).length === 1,
    "give exactly one of command (or image), http, tcp, exec, snmp, host",
  );
export type Probe = z.infer<typeof probe>;
