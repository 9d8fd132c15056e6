import type { Context } from "hono";
import { Problem } from "./app.ts";
import { traceHeaders } from "./trace.ts";

/** Who is asking, as auth told it, and which version of auth said so. */
export interface Caller {
  readonly subject: string;
  readonly verifiedBy: string;
}

/** Verifies the request's bearer token with auth at `authUrl`; throws 401 with auth's own reason, 502 to 504 if auth does not answer. */
export async function verifyCaller(c: Context, authUrl: string): Promise<Caller> {
  const token = /^Bearer (\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (token === undefined) throw new Problem(401, "token-missing", "Send a token of auth as Authorization: Bearer TOKEN.");
  const answer = await ask(c, authUrl, token);
  const body = (await answer.json().catch(() => ({}))) as { subject?: string; version?: string; title?: string; detail?: string };
  if (answer.ok) return { subject: body.subject ?? "", verifiedBy: body.version ?? "" };
  if (answer.status === 401)
    throw new Problem(401, body.title ?? "token-refused", body.detail ?? "auth refused the token.", { verifiedBy: body.version });
  throw new Problem(answer.status === 503 ? 503 : 502, "auth-failed", `auth answered ${answer.status}: ${body.detail ?? "no reason given"}`);
}

async function ask(c: Context, authUrl: string, token: string): Promise<Response> {
  try {
    return await fetch(`${authUrl}/verify`, {
      method: "POST",
      headers: { "content-type": "application/json", ...traceHeaders(c) },
      body: JSON.stringify({ token }),
      signal: AbortSignal.timeout(5000),
    });
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    throw new Problem(
      isLate ? 504 : 502,
      "auth-unreachable",
      `auth did not answer${isLate ? " within 5 s" : ""}: ${String((error as { cause?: unknown }).cause ?? error)}`,
    );
  }
}
