import type { Probe } from "#/model/index.ts";
import { deadline, describeConnectError } from "../connect-error.ts";
import type { Observe } from "../contract.ts";
import { getOnce } from "./request.ts";

const BODY_BYTES_MAX = 256 * 1024;

/** GET of a URL whose answer is a JSON object: the observed state. */
export const observeHttp: Observe<NonNullable<Probe["http"]>> = async (spec, _context, { timeoutMs, signal }) => {
  const url = URL.parse(spec.url);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return { error: `${spec.url} is no http or https URL` };
  try {
    const { status, body, isCut } = await getOnce(url, { bodyBytesMax: BODY_BYTES_MAX, signal: deadline(timeoutMs, signal) });
    if (status !== 200) return { error: `GET ${url} answered ${status}, expected 200` };
    if (isCut) return { error: `GET ${url} answered more than ${BODY_BYTES_MAX} bytes` };
    const state = parseObject(body);
    return state === undefined ? { error: `GET ${url} answered no JSON object: ${JSON.stringify(body.slice(0, 100))}` } : { observed: state };
  } catch (error) {
    signal?.throwIfAborted();
    return { error: `GET ${url}: ${describeConnectError(error, url.host, timeoutMs)}` };
  }
};

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
