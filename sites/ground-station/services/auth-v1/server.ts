import { createHash, timingSafeEqual } from "node:crypto";
import { listen, newApp, Problem } from "./app.ts";
import { limited, readFields } from "./fields.ts";
import { readSettings } from "./settings.ts";
import { TokensV1 } from "./token.ts";

/** auth, version 1: gives tokens to known clients and verifies them. */
const settings = readSettings();
const tokens = new TokensV1(settings.secret);

const app = newApp("auth");

app.get("/health", (c) => c.json({ status: "ok", version: "v1" }));

app.post("/token", limited, async (c) => {
  const fields = await readFields(c);
  const { client_id: id, client_secret: secret, grant_type: grant } = fields;
  if (typeof id !== "string" || typeof secret !== "string") throw new Problem(400, "bad-request", "Send client_id and client_secret.");
  if (grant !== undefined && grant !== "client_credentials")
    throw new Problem(400, "unsupported-grant", "The only grant_type is client_credentials.");
  const known = settings.clients.get(id);
  if (known === undefined || !isSame(known, secret)) throw new Problem(401, "unknown-client", "The client_id or the client_secret is wrong.");
  return c.json({
    access_token: tokens.issue(id, settings.tokenLifeS, nowS()),
    token_type: "Bearer",
    expires_in: settings.tokenLifeS,
    version: "v1",
  });
});

app.post("/verify", limited, async (c) => {
  const { token } = await readFields(c);
  if (typeof token !== "string") throw new Problem(400, "bad-request", 'Send the token as {"token": "..."}.');
  const verdict = tokens.verify(token, nowS());
  if (!verdict.isValid) throw new Problem(401, verdict.code, verdict.reason, { version: "v1" });
  return c.json({ active: true, subject: verdict.claims.sub, expiresAt: new Date(verdict.claims.exp * 1000).toISOString(), version: "v1" });
});

listen(app, "auth");

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** Compares in a time that tells nothing about where two texts differ. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(createHash("sha256").update(one).digest(), createHash("sha256").update(other).digest());
}
