import { Problem } from "./app.ts";

export type Json = Record<string, unknown>;

/** Where auth and predictor are, and as whom to ask. */
export interface Settings {
  readonly authUrl: string;
  readonly predictorUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs: number;
}

/** A token, and the version of auth that made it. */
export interface Token {
  readonly text: string;
  readonly version: string;
  readonly expiresMs: number;
}

/** Reads the settings from the environment; says what is missing and ends the process with 1. */
export function readSettings(): Settings {
  const settings = {
    authUrl: required("SERVICE_AUTH_URL", "the base URL of auth, such as http://127.0.0.1:7001").replace(/\/$/, ""),
    predictorUrl: required("SERVICE_PREDICTOR_URL", "the base URL of predictor, such as http://127.0.0.1:7002").replace(/\/$/, ""),
    clientId: process.env.PORTAL_CLIENT_ID ?? "portal",
    clientSecret: required("PORTAL_CLIENT_SECRET", "the secret with which portal asks auth for tokens"),
    timeoutMs: Number(process.env.PORTAL_TIMEOUT_MS ?? 10_000),
  };
  if (!(settings.timeoutMs >= 1)) fail("PORTAL_TIMEOUT_MS must be a number of milliseconds");
  return settings;
}

function required(name: string, meaning: string): string {
  return process.env[name] ?? fail(`${name} must be set: ${meaning}`);
}

function fail(message: string): never {
  console.error(`portal: ${message}`);
  process.exit(1);
}

/** Asks auth for a token. Throws 502 to 504 if it does not give one. */
export async function obtainToken(settings: Settings): Promise<Token> {
  const body = await call(settings, "auth", `${settings.authUrl}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ grant_type: "client_credentials", client_id: settings.clientId, client_secret: settings.clientSecret }),
  });
  return { text: String(body.access_token), version: String(body.version), expiresMs: Date.now() + Number(body.expires_in) * 1000 };
}

/** Asks predictor for `path`, with a token if given. Its 400, 404 and 422 are the client's affair and come through as they are; all else becomes 502 to 504. */
export function askPredictor(settings: Settings, path: string, token?: Token): Promise<Json> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token.text}` };
  return call(settings, "predictor", `${settings.predictorUrl}${path}`, { headers });
}

async function call(settings: Settings, service: string, url: string, request: RequestInit): Promise<Json> {
  const { status, body } = await exchange(settings, service, url, request);
  if (status === 200) return body;
  const { type, title, status: _status, detail, service: _service, ...more } = body;
  if (service === "predictor" && [400, 404, 422].includes(status)) throw new Problem(status, String(title), String(detail), more);
  throw new Problem(
    status === 503 || status === 504 ? status : 502,
    String(title ?? "call-failed"),
    `${service} answered ${status}: ${String(detail ?? "no reason given")}`,
    { ...more, from: service },
  );
}

async function exchange(settings: Settings, service: string, url: string, request: RequestInit): Promise<{ status: number; body: Json }> {
  try {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(settings.timeoutMs) });
    return { status: response.status, body: (await response.json()) as Json };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new Problem(
      isLate ? 504 : 502,
      "call-failed",
      `${service} did not answer${isLate ? ` within ${settings.timeoutMs} ms` : ""}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { from: service },
    );
  }
}
