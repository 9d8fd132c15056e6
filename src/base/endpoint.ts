import { isIPv4, isIPv6 } from "node:net";

/** Address and port of `127.0.0.1:162` or `[::1]:162`; `undefined` for anything else. */
export function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const [, six, four, digits] = found ?? [];
  const given = six ?? four ?? "";
  const port = Number(digits);
  if (!(six === undefined ? isIPv4(given) : isIPv6(given)) || port < 1 || port > 65_535) return undefined;
  return { address: given, port };
}

/** What `parseEndpoint` reads. */
export function formatEndpoint(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
