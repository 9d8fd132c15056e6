const PLACES: Readonly<Record<string, string>> = {
  Microservice: "/services",
  Host: "/hosts",
  Gateway: "/gateways",
  Route: "/routes",
  Resource: "/resources",
  Update: "/updates",
};

/** Where an object is looked at; undefined: it has no page. */
export function pageOf(kind: string, name: string, namespace = "default"): string | undefined {
  const place = Object.hasOwn(PLACES, kind) ? PLACES[kind] : undefined;
  if (place === undefined || name === "") return undefined;
  return `${place}?open=${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}
