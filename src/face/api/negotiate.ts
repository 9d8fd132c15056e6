import { OrreryError } from "#/base/index.ts";

/** In which form an object or list is wanted. */
export type Form = "object" | "table" | "metadata";

interface Accepted {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

/** The first form that `accept` allows and that is served.
 *  @throws api/not-acceptable: JSON is not among them */
export function negotiateForm(accept: string | undefined): Form {
  // By far the most frequent ones, and not worth the parsing.
  if (accept === undefined || accept === "*/*" || accept === "application/json") return "object";
  for (const { type, parameters } of parseAccept(accept)) {
    if (!isJson(type)) continue;
    const as = parameters["as"];
    if (as === undefined) return "object";
    if (parameters["g"] !== "meta.k8s.io" || (parameters["v"] !== "v1" && parameters["v"] !== "v1beta1")) continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "metadata";
  }
  throw new OrreryError("api/not-acceptable", `nothing of ${accept.slice(0, 200)} is served here; accept application/json`);
}

/** `v2` or `v2beta1` if the client would rather have aggregated discovery, else `undefined`. */
export function negotiateDiscovery(accept: string | undefined): "v2" | "v2beta1" | undefined {
  for (const { type, parameters } of parseAccept(accept ?? "*/*")) {
    if (!isJson(type)) continue;
    if (parameters["as"] === undefined) return undefined;
    if (parameters["as"] !== "APIGroupDiscoveryList" || parameters["g"] !== "apidiscovery.k8s.io") continue;
    if (parameters["v"] === "v2" || parameters["v"] === "v2beta1") return parameters["v"];
  }
  return undefined;
}

function isJson(type: string): boolean {
  return type === "application/json" || type === "*/*" || type === "application/*";
}

/** Media ranges, the most wanted first. */
function parseAccept(accept: string): Accepted[] {
  return accept
    .split(",", 50)
    .map((range) => {
      const [type = "", ...rest] = range.split(";").map((part) => part.trim());
      const parameters = Object.fromEntries(rest.map((part) => part.split("=", 2)).filter((pair) => pair.length === 2)) as Record<string, string>;
      return { type: type.toLowerCase(), parameters, quality: Number(parameters["q"] ?? 1) };
    })
    .sort((a, b) => b.quality - a.quality);
}
