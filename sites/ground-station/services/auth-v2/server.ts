import { createHash, timingSafeEqual } from "node:crypto";
import { Problem, readFields, serve } from "./http.ts";
import { readSettings } from "./settings.ts";
import { TokensV2 } from "./token.ts";

/** auth, version 2: gives tokens to known clients and verifies them. */
const settings = readSettings();
const tokens = new TokensV2(settings.secret);

serve("auth", {
  "GET /health": () => ({ status: "ok", version: "v2" }),

  "POST /token": async (request) => {
    const fields = await readFields(request);
    const { client_id: id, client_secret: secret, grant_type: grant } = fields;
    if (typeof id !== "string" || typeof secret !== "string") throw new Problem(400, "bad-request", "Send client_id and client_secret.");
    if (grant !== undefined && grant !== "client_credentials")
      throw new Problem(400, "unsupported-grant", "The only grant_type is client_credentials.");
    const known = settings.clients.get(id);
    if (known === undefined || !isSame(known, secret)) throw new Problem(401, "unknown-client", "The client_id or the client_secret is wrong.");
    return { access_token: tokens.issue(id, settings.tokenLifeS, nowS()), token_type: "Bearer", expires_in: settings.tokenLifeS, version: "v2" };
  },

  "POST /verify": async (request) => {
    const { token } = await readFields(request);
    if (typeof token !== "string") throw new Problem(400, "bad-request", 'Send the token as {"token": "..."}.');
    const verdict = tokens.verify(token, nowS());
    if (!verdict.isValid) throw new Problem(401, verdict.code, verdict.reason, { version: "v2" });
    return { active: true, subject: verdict.claims.subject, expiresAt: new Date(verdict.claims.expiresAt * 1000).toISOString(), version: "v2" };
  },
});

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** Compares in a time that tells nothing about where two texts differ. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(createHash("sha256").update(one).digest(), createHash("sha256").update(other).digest());
}
