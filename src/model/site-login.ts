import { z } from "zod";
import { someDuration } from "./duration.ts";
import { subdomain } from "./names.ts";

/** Whatever a Site does not say. */
export const LOGIN_DEFAULTS = { idle: "2h", lifetime: "16h" } as const;

/** How people log in. */
export const siteLogin = z.strictObject({
  publicUrl: z
    .url({ protocol: /^https?$/, error: "an http or https URL without a path, as in https://console.example" })
    .max(300)
    .refine(
      (text) => !URL.canParse(text) || ["", "/"].includes(new URL(text).pathname),
      "an http or https URL without a path, as in https://console.example",
    )
    .optional()
    .describe(
      "Where people find the console, if that is another place than its own port: behind a proxy, say. Pages of this origin are the console's own.",
    ),
  hosts: z
    .array(subdomain)
    .max(20)
    .optional()
    .describe("Further host names by which the console may be asked for; localhost, addresses and the machine's own name are known."),
  idle: someDuration.default(LOGIN_DEFAULTS.idle).describe("A session ends when nobody has touched it for so long."),
  lifetime: someDuration.default(LOGIN_DEFAULTS.lifetime).describe("A session ends at this age."),
});
