import { readWrittenPath } from "./request-path.ts";
import type { Route } from "./route.ts";

type Matched = Pick<Route["spec"], "host" | "path" | "headers" | "tcp">;

/** Equal for Routes that match the same requests, their methods aside; for TCP, that listen at the same place. `undefined`: it matches none. */
export function matchKey({ host, path, headers, tcp }: Matched): string | undefined {
  if (tcp !== undefined) return `tcp ${tcp.address === "localhost" ? "127.0.0.1" : tcp.address}:${tcp.port}`;
  const key = readWrittenPath(path?.exact ?? path?.prefix ?? "/");
  if (typeof key !== "string") return undefined;
  const place = path?.exact === undefined ? ["prefix", key.endsWith("/") ? key.slice(0, -1) : key] : ["exact", key];
  const conditions = headers.map(({ name, value }) => [name.toLowerCase(), value].join(": ")).sort();
  return JSON.stringify([...place, host?.toLowerCase() ?? "*", [...new Set(conditions)]]);
}

/** The Routes that get whatever `one` matches, so that nothing is left for it; empty if something is. `others` have the same match key. Of those the gateway takes one that names methods before one that does not, one with more headers written before one with fewer, and then the older. */
export function findShadows(one: Route, others: Iterable<Route>): readonly Route[] {
  const earlier = [...others].filter((other) => other.metadata.uid !== one.metadata.uid && isEarlier(other, one));
  const { methods, tcp } = one.spec;
  if (tcp !== undefined || methods === undefined) return earlier.filter((other) => tcp !== undefined || other.spec.methods === undefined).slice(0, 1);
  const shadows: Route[] = [];
  for (const method of methods) {
    const shadow = earlier.find((other) => other.spec.methods?.includes(method) === true);
    if (shadow === undefined) return [];
    if (!shadows.includes(shadow)) shadows.push(shadow);
  }
  return shadows;
}

function isEarlier(other: Route, one: Route): boolean {
  if (one.spec.tcp === undefined) {
    const methods = Number(other.spec.methods !== undefined) - Number(one.spec.methods !== undefined);
    if (methods !== 0) return methods > 0;
    const headers = other.spec.headers.length - one.spec.headers.length;
    if (headers !== 0) return headers > 0;
  }
  const age = Date.parse(other.metadata.creationTimestamp) - Date.parse(one.metadata.creationTimestamp);
  return age < 0 || (age === 0 && other.metadata.name < one.metadata.name);
}
