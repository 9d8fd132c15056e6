/** Headers of an answer that are for one hop only (RFC 9110, 7.6.1), by their lower-case names. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
]);

/** The headers of an answer as they go on, names and values in turn. */
export function passResponseHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  const passed: string[] = [];
  const connection = headers["connection"];
  const named = connection === undefined || connection === "keep-alive" || connection === "close" ? undefined : tokensOf(connection);
  for (const name in headers) {
    if (HOP_BY_HOP.has(name) || named?.has(name) === true) continue;
    const value = headers[name];
    if (typeof value === "string") passed.push(name, value);
    else if (value !== undefined) for (const one of value) passed.push(name, one);
  }
  return passed;
}

function tokensOf(value: string | readonly string[]): ReadonlySet<string> {
  const list = typeof value === "string" ? value : value.join(",");
  return new Set(
    list
      .split(",")
      .map((token) => token.trim().toLowerCase())
      .filter((token) => token !== "content-length"),
  );
}
