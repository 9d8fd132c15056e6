/** What an answer says of addresses, put back as the client knows them, where a Route's filters have sent its request to others. */

const REFERENCE = /^(?:(https?):)?(?:\/\/([^/?#]*))?(\/[^?#]*)?([\s\S]*)$/i;
const LOCATIONS: ReadonlySet<string> = new Set(["location", "content-location"]);

/** Whom the request was sent to, and whom the client has asked. */
export interface AskedAs {
  /** Value of Host as it was sent. */
  readonly host: string;
  readonly clientHost?: string | undefined;
  readonly scheme?: string | undefined;
}

/** Puts `original` in place of `replacement` at the beginning of the paths in Location, Content-Location and cookies; both without a final slash. What already begins with `original` stays: the service knows its address from outside. */
export function pathsBack(headers: string[], asked: AskedAs, replacement: string, original: string): void {
  const back = (path: string): string => {
    if (isUnder(path, original) || !isUnder(path, replacement)) return path;
    const rest = path.slice(replacement.length);
    return rest === "" && original === "" ? "/" : original + rest;
  };
  edit(headers, LOCATIONS, (value) => {
    const [, scheme, authority, path, rest = ""] = REFERENCE.exec(value) ?? [];
    if (authority === undefined ? path === undefined : !isSameHost(authority, asked.host) && !isSameHost(authority, asked.clientHost)) return value;
    const origin = authority === undefined ? "" : `${scheme === undefined ? "" : `${scheme}:`}//${authority}`;
    return origin + back(path ?? "/") + rest;
  });
  // A cookie for the whole host is left to the whole host.
  edit(headers, COOKIES, (value) =>
    value.replace(/(;\s*path\s*=\s*)(\/[^;\s]*)/i, (_, name: string, path: string) => name + (path === "/" ? path : back(path))),
  );
}

/** Puts the client's own host in place of the one that was sent, in Location and Content-Location; a cookie of the host that was sent becomes one of the host that the client asked. */
export function hostBack(headers: string[], asked: AskedAs): void {
  if (asked.host === asked.clientHost) return;
  edit(headers, LOCATIONS, (value) => {
    const [, scheme, authority, path = "/", rest = ""] = REFERENCE.exec(value) ?? [];
    if (authority === undefined || !isSameHost(withoutDefaultPort(authority, scheme), withoutDefaultPort(asked.host, scheme))) return value;
    // A service that sends its clients on to https means it: with the client's own http in its place they would be sent in a circle.
    const isSecured = scheme?.toLowerCase() === "https";
    if (asked.clientHost === undefined) return isSecured ? value : path + rest;
    return `${isSecured ? "https" : (asked.scheme ?? "http")}://${asked.clientHost}${path}${rest}`;
  });
  const name = asked.host.replace(/:[0-9]+$/, "").toLowerCase();
  edit(headers, COOKIES, (value) =>
    value.replace(/;\s*domain\s*=\s*\.?([^;\s]*)/i, (attribute, domain: string) => (domain.toLowerCase() === name ? "" : attribute)),
  );
}

const COOKIES: ReadonlySet<string> = new Set(["set-cookie"]);

function isSameHost(a: string, b: string | undefined): boolean {
  return a.toLowerCase() === b?.toLowerCase();
}

const DEFAULT_PORTS: Readonly<Record<string, RegExp>> = { http: /:80$/, https: /:443$/ };

function withoutDefaultPort(authority: string, scheme = "http"): string {
  return authority.replace(DEFAULT_PORTS[scheme.toLowerCase()] as RegExp, "");
}

function isUnder(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (prefix === "" || path.length === prefix.length || path[prefix.length] === "/");
}

function edit(headers: string[], names: ReadonlySet<string>, change: (value: string) => string): void {
  for (let index = 0; index < headers.length; index += 2)
    if (names.has((headers[index] as string).toLowerCase())) headers[index + 1] = change(headers[index + 1] as string);
}
