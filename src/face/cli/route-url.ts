import { encodePath, type Route } from "#/model/index.ts";

/** Where requests of a Route go in: a URL of the edge, or tcp://address:port. */
export function routeUrl(edge: string, { spec }: Route): string {
  if (spec.tcp !== undefined) return `tcp://${spec.tcp.address}:${spec.tcp.port}`;
  const base = spec.host === undefined ? edge : edge.replace(/\/\/(?:\[[^\]]*\]|[^:/]+)/, `//${spec.host}`);
  const path = spec.path?.exact ?? spec.path?.prefix ?? "/";
  // As it is sent: not every client encodes what is typed.
  return base + (encodePath(path) ?? path);
}
