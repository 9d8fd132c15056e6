import { isIP } from "node:net";
import { OrreryError } from "#/base/index.ts";
import { headerOf, type Request } from "./exchange.ts";

/** What browsers are held to. */
export interface BrowserRules {
  /** First 8 hexadecimal digits of the site's identity: two sites on one host, in one browser, do not end each other's sessions. */
  readonly site: string;
  /** Names by which the console may be asked for, beside `localhost` and addresses. */
  readonly hosts: () => readonly string[];
  /** Where people find the console, if that is another place than the port itself: `https://console.example`. */
  readonly publicUrl: () => string | undefined;
  /** Proxies that are believed when they say who asks. Absent: none. */
  readonly trustedProxies?: () => readonly string[];
}

const COOKIE = /^[\w.-]{1,200}$/;
/** As long as a browser keeps one at most. */
const KNOWN_SECONDS = 400 * 24 * 3_600;
/** So long somebody may take at the provider. */
const PENDING_SECONDS = 600;

/** The name of the session's cookie at this port. Browsers send a host's cookies to all of its ports: the name tells which is whose. */
export function cookieName({ site }: BrowserRules, request: Request): string {
  return `orrery-${site}-${request.socket?.localPort ?? 0}`;
}

/** What the browser keeps under `name`; `undefined` if nothing, or nothing that we have made. */
export function cookieOf(request: Request, name: string): string | undefined {
  const text = rawCookieOf(request, name);
  return text !== undefined && COOKIE.test(text) ? text : undefined;
}

/** The same, whatever it is. */
export function rawCookieOf(request: Request, name: string): string | undefined {
  for (const part of (headerOf(request, "cookie") ?? "").split(";")) {
    const [key = "", ...value] = part.split("=");
    const text = value.join("=").trim();
    if (key.trim() === name) return text;
  }
  return undefined;
}

export interface CookieChange {
  readonly name: string;
  /** Absent: the browser forgets it. */
  readonly value?: string;
  readonly isSecure: boolean;
}

/** The session's half that the browser keeps until it is closed. `Secure` where the page came over TLS alone: over plain HTTP the browser would not keep it. */
export function sessionCookie({ name, value, isSecure }: CookieChange): string {
  return `${name}=${value ?? ""}; Path=/; HttpOnly; SameSite=Strict${value === undefined ? "; Max-Age=0" : ""}${isSecure ? "; Secure" : ""}`;
}

/** By what a browser is known that has logged somebody in before; sent along with logins alone. */
export function knownCookie({ name, value, isSecure }: CookieChange): string {
  return `${name}-known=${value ?? ""}; Path=/login; HttpOnly; SameSite=Strict; Max-Age=${value === undefined ? 0 : KNOWN_SECONDS}${isSecure ? "; Secure" : ""}`;
}

/** What the browser keeps while its person is at a provider. Lax: the provider's page leads back here. */
export function pendingCookie({ name, value, isSecure }: CookieChange): string {
  return `${name}-state=${value ?? ""}; Path=/login; HttpOnly; SameSite=Lax; Max-Age=${value === undefined ? 0 : PENDING_SECONDS}${isSecure ? "; Secure" : ""}`;
}

/** The origin under which people see the page: the public one, else the one that was asked for. */
export function shownOrigin(request: Request, rules: BrowserRules): string {
  const own = originOf(rules.publicUrl());
  const isTls = (request.socket as { readonly encrypted?: boolean } | undefined)?.encrypted === true;
  return own?.origin ?? `${isTls ? "https" : "http"}://${hostOf(request)}`;
}

/** True if the page is seen over TLS, also where a proxy speaks it before us. */
export function isSecure(request: Request, rules: BrowserRules): boolean {
  if ((request.socket as { readonly encrypted?: boolean } | undefined)?.encrypted === true) return true;
  const own = originOf(rules.publicUrl());
  return own?.protocol === "https:" && headerOf(request, "origin") === own.origin;
}

/** Refuses what another page makes a browser ask, also one of the same host on another port: a browser's own word on that (Fetch Metadata), else where the page came from. What no browser sends, passes.
 *  @throws api/cross-origin */
export function checkOrigin(request: Request, rules: BrowserRules): void {
  checkHost(request, rules);
  const site = headerOf(request, "sec-fetch-site");
  if (site !== undefined) {
    if (site === "same-origin" || site === "none") return;
    throw refused(request, rules, `the browser says that another page asks for it (Sec-Fetch-Site: ${shown(site)})`);
  }
  const origin = headerOf(request, "origin");
  if (origin === undefined) return;
  const from = originOf(origin);
  const host = hostOf(request);
  const own = originOf(rules.publicUrl());
  if (from !== undefined && (from.host === host || from.host === withoutDefaultPort(host, from.protocol) || from.origin === own?.origin)) return;
  throw refused(request, rules, "it comes from a page of another origin");
}

/** Refuses names that are not the console's: behind one of somebody else's may be our address (DNS rebinding).
 *  @throws api/cross-origin */
export function checkHost(request: Request, rules: BrowserRules): void {
  const name = nameOf(hostOf(request));
  if (name === "" || name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0) return;
  const names = [...rules.hosts(), nameOf(originOf(rules.publicUrl())?.host ?? "")];
  if (!names.includes(name)) throw refused(request, rules, "the console is not known by this name");
}

function refused(request: Request, rules: BrowserRules, why: string): OrreryError {
  const [host, origin] = [hostOf(request), headerOf(request, "origin")];
  const own = rules.publicUrl();
  const proposed = originOf(origin)?.origin ?? `https://${host}`;
  return new OrreryError(
    "api/cross-origin",
    `refused: ${why}. Host: ${shown(host)}; Origin: ${origin === undefined ? "none" : shown(origin)}; spec.login.publicUrl of the Site: ${own ?? "not set"}. If this is how people reach the console, set it: kubectl patch site site --type merge -p '{"spec":{"login":{"publicUrl":${JSON.stringify(shown(proposed))}}}}'`,
  );
}

/** Host and port as they were asked for; lower case. */
function hostOf(request: Request): string {
  return (headerOf(request, ":authority") ?? headerOf(request, "host") ?? "").toLowerCase();
}

/** Without port, brackets and the dot at the end. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  return bracketed ?? host.replace(/:\d*$/, "").replace(/\.$/, "");
}

function withoutDefaultPort(host: string, protocol: string): string {
  return host.replace(protocol === "https:" ? /:443$/ : /:80$/, "");
}

function originOf(text: string | undefined): URL | undefined {
  const url = text === undefined ? null : URL.parse(text);
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") ? url : undefined;
}

/** Of what a stranger has sent, as much as one reads. */
function shown(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
