import { listen, newApp } from "./app.ts";
import { askPredictor, obtainToken, readSettings } from "./calls.ts";
import { loadPage } from "./page.ts";
import { readInstant, readNumber, readQuery, readText } from "./query.ts";
import { PORTAL_VERSION, streamTrack } from "./track.ts";

/** portal: the ground station's page and API; gets a token from auth and asks predictor with it, anew for each request. */
const settings = readSettings();
const page = loadPage();
const startedAt = new Date();

const app = newApp("portal");

app.get("/health", (c) => c.json({ status: "ok", version: PORTAL_VERSION }));

app.get("/", (c) => c.body(page.html, 200, { "content-type": "text/html; charset=utf-8", "content-security-policy": page.policy }));

app.get("/api/info", async (c) => {
  const services = await Promise.all([
    ask("auth", obtainToken(settings)), //
    ask("predictor", askPredictor(settings, "/health")),
  ]);
  return c.json({ service: "portal", version: PORTAL_VERSION, startedAt: startedAt.toISOString(), uptimeS: Math.round(process.uptime()), services });
});

app.get("/api/satellites", async (c) => {
  const { version, ...catalogue } = await askPredictor(settings, "/satellites");
  return c.json({ ...catalogue, servedBy: { portal: PORTAL_VERSION, predictor: version } });
});

app.get("/api/passes", async (c) => {
  const query = readQuery(c, ["satellite", "hours", "from", "track"]);
  readText(query, "satellite", "ISS");
  readNumber(query, "hours", 24, 1, 240);
  readNumber(query, "track", 0, 0, 1);
  readInstant(query, "from", 0);
  const token = await obtainToken(settings);
  const { version, verifiedBy, ...passes } = await askPredictor(settings, `/passes?${new URLSearchParams([...query])}`, token);
  return c.json({ ...passes, servedBy: { portal: PORTAL_VERSION, authIssued: token.version, predictor: version, authVerified: verifiedBy } });
});

app.get("/api/track", (c) => {
  const query = readQuery(c, ["satellite", "intervalMs"]);
  return streamTrack(c, settings, readText(query, "satellite", "ISS"), readNumber(query, "intervalMs", 1000, 100, 60_000));
});

listen(app, "portal");

/** How a service behind answers: its version or why not, and in what time. */
async function ask(name: string, asked: Promise<{ version?: unknown }>): Promise<object> {
  const beganAt = performance.now();
  const outcome = await asked.then(
    ({ version }) => ({ ok: true, version }),
    (error: Error) => ({ ok: false, reason: error.message }),
  );
  return { name, ...outcome, ms: Math.round(performance.now() - beganAt) };
}
