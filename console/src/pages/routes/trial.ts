/** What a person writes who tries a request. Pure. */
import type { Severity, TryRow, ViewWish } from "../../../../src/face/views/protocol.ts";

export interface TrialForm {
  readonly method: string;
  /** A path, or a whole address. */
  readonly path: string;
  readonly host: string;
  /** `Name: value`, one a line. */
  readonly headers: string;
  /** Calling service; empty: from outside. */
  readonly caller: string;
  readonly service: string;
}

const HEADERS_MAX = 100;

/** Headers of a text; lines that are none are told apart. Of two with one name the last holds. */
export function readHeaders(text: string): { readonly headers: Readonly<Record<string, string>>; readonly wrong: readonly string[] } {
  const headers = new Map<string, string>();
  const wrong: string[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const at = line.indexOf(":");
    const name = line.slice(0, Math.max(0, at)).trim();
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/.test(name) || headers.size >= HEADERS_MAX) wrong.push(line.trim());
    else headers.set(name, line.slice(at + 1).trim());
  }
  return { headers: Object.fromEntries(headers), wrong };
}

/** `https://portal.example.org/x?y` as host and path; a path stays one. */
export function splitAddress(text: string): { readonly host?: string; readonly path: string } {
  const found = /^https?:\/\/([^/?#\s]+)([^#\s]*)/i.exec(text.trim());
  if (found === null) return { path: text.trim().startsWith("/") ? text.trim() : `/${text.trim()}` };
  const [, host = "", rest = ""] = found;
  return { host, path: rest.startsWith("/") ? rest : `/${rest}` };
}

/** What is asked of the server; undefined: not enough is known yet. */
export function wishOf({ method, path, host, headers, caller, service }: TrialForm): ViewWish | undefined {
  if (caller !== "" && service === "") return undefined;
  const address = splitAddress(path);
  const named = host === "" ? address.host : host;
  const { headers: given } = readHeaders(headers);
  return {
    of: "try",
    method: method === "" ? "GET" : method.slice(0, 20),
    path: address.path.slice(0, 8_000),
    ...(named !== undefined && { host: named.slice(0, 300) }),
    ...(Object.keys(given).length > 0 && { headers: given }),
    ...(caller !== "" && { caller, service }),
  };
}

/** How a person takes an outcome. */
export const KINDS: Readonly<Record<TryRow["kind"], Severity>> = {
  admitted: "normal",
  held: "changing",
  full: "major",
  refused: "major",
  unknown: "unknown",
};
