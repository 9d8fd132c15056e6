/** Tells an instance of the edge's client: X-Forwarded-* and Forwarded (RFC 7239), appended to `headers` (names and values in turn). What the client itself said of this is not believed and has been left out. */
export function pushForwarded(headers: string[], client: string, host: string | undefined): void {
  const node = client.includes(":") ? `"[${client}]"` : client;
  headers.push("x-forwarded-for", client, "x-forwarded-proto", "http");
  if (host === undefined) headers.push("forwarded", `for=${node};proto=http`);
  else
    headers.push(
      "x-forwarded-host",
      host,
      "forwarded",
      host.includes(":") ? `for=${node};host="${host}";proto=http` : `for=${node};host=${host};proto=http`,
    );
}
