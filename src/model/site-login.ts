import { z } from "zod";
import { someDuration } from "./duration.ts";
import { addressRange } from "./http-text.ts";
import { subdomain } from "./names.ts";

/** Whatever a Site does not say. */
export const LOGIN_DEFAULTS = { idle: "2h", lifetime: "16h" } as const;

/** An address that nobody on the way can speak for. */
const issuer = z
  .string()
  .max(300)
  .refine((text) => {
    const url = URL.parse(text);
    if (url === null || url.username !== "" || url.search !== "" || url.hash !== "") return false;
    return url.protocol === "https:" || (url.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname));
  }, "an https address, as in https://login.example; http is for a provider on this machine alone");

const origin = z
  .string()
  .max(300)
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && [url.origin, `${url.origin}/`].includes(text);
  }, "scheme and host, as in https://console.example, without a path");

const provider = z.strictObject({
  name: z.string().min(1).max(60).describe("What the button says."),
  issuer: issuer.describe("Its address, as it calls itself."),
  clientId: z.string().min(1).max(300),
  secretFile: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe("File with the client's secret, on the centre's machine; absolute, or relative to the site's folder. Absent: a public client."),
  scopes: z
    .array(z.string().regex(/^[a-zA-Z0-9:/._-]{1,100}$/, "letters, digits and any of : / . _ -"))
    .max(20)
    .default(["profile"])
    .describe("What is asked for, beside openid."),
  groupsClaim: z.string().min(1).max(100).default("groups").describe("Claim with the groups; those that begin with orrery: or system: do not count."),
});

/** How people log in. */
export const siteLogin = z.strictObject({
  publicUrl: origin
    .optional()
    .describe(
      "Where people find the console, if that is another place than its own port: behind a proxy, say. Pages of this origin are the console's own.",
    ),
  hosts: z
    .array(subdomain)
    .max(20)
    .optional()
    .describe("Further host names by which the console may be asked for; localhost, addresses and the machine's own name are known."),
  trustedProxies: z
    .array(addressRange)
    .max(100)
    .optional()
    .describe(
      "Addresses of proxies before the console and the API. Whom they name in X-Forwarded-For is who has asked: for the audit, and for how often wrong passwords may be tried. What others say there is not believed. Default: none.",
    ),
  provider: provider.optional().describe("OpenID Connect: people may log in there. Absent: passwords and links alone."),
  idle: someDuration.default(LOGIN_DEFAULTS.idle).describe("A session ends when nobody has touched it for so long."),
  lifetime: someDuration.default(LOGIN_DEFAULTS.lifetime).describe("A session ends at this age."),
});
