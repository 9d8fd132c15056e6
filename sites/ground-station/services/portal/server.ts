import { askPredictor, obtainToken, readSettings } from "./calls.ts";
import { serve, traceHeaders } from "./http.ts";
import { loadPage } from "./page.ts";
import { readInstant, readNumber, readQuery, readText } from "./query.ts";
import { PORTAL_VERSION, trackStream } from "./track.ts";

/** portal: the ground station's page and API; gets a token from auth and asks predictor with it, anew for each request. */
const settings = readSettings();
const page = loadPage();
const startedAt = new Date();

serve("portal", {
  "GET /health": () => ({ status: "ok", version: PORTAL_VERSION }),

  "GET /": () => page,

  "GET /api/info": async (request) => {
    const trace = traceHeaders(request);
    const ask = async (name: string, asked: Promise<Record<string, unknown>>): Promise<object> => {
      const beganAt = performance.now();
      const outcome = await asked.then(
        (body) => ({ ok: true, version: body.version }),
        (error: Error) => ({ ok: false, reason: error.message }),
      );
      return { name, ...outcome, ms: Math.round(performance.now() - beganAt) };
    };
    const services = await Promise.all([
      ask(
        "auth",
        obtainToken(settings, trace).then(({ version }) => ({ version })),
      ),
      ask("predictor", askPredictor(settings, "/health", trace)),
    ]);
    return { service: "portal", version: PORTAL_VERSION, startedAt: startedAt.toISOString(), uptimeS: Math.round(process.uptime()), services };
  },

  "GET /api/satellites": async (request) => {
    const { version, ...catalogue } = await askPredictor(settings, "/satellites", traceHeaders(request));
    return { ...catalogue, servedBy: { portal: PORTAL_VERSION, predictor: version } };
  },

  "GET /api/passes": async (request, url) => {
    const query = readQuery(url, ["satellite", "hours", "from", "track"]);
    readText(query, "satellite", "ISS");
    readNumber(query, "hours", 24, 1, 240);
    readNumber(query, "track", 0, 0, 1);
    readInstant(query, "from", 0);
    const trace = traceHeaders(request);
    const token = await obtainToken(settings, trace);
    const { version, verifiedBy, ...passes } = await askPredictor(settings, `/passes?${new URLSearchParams([...query])}`, trace, token);
    return { ...passes, servedBy: { portal: PORTAL_VERSION, authIssued: token.version, predictor: version, authVerified: verifiedBy } };
  },

  "GET /api/track": (request, url) => {
    const query = readQuery(url, ["satellite", "intervalMs"]);
    return trackStream(request, settings, readText(query, "satellite", "ISS"), readNumber(query, "intervalMs", 1000, 100, 60_000));
  },
});
