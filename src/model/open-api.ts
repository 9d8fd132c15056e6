import { z } from "zod";
import type { Kind } from "./kind.ts";
import { API_GROUP } from "./metadata.ts";

/** A schema of OpenAPI 3.0, as Kubernetes' "structural schemas" allow it: no references, no additionalProperties beside properties, lists with their type. */
export type OpenApiSchema = { [key: string]: unknown };

/** The structural schema of what may be written: fields with a default are not required. Rules over several fields have no place in it; the server checks them. */
export function openApiSchema(schema: z.ZodType): OpenApiSchema {
  return structural(z.toJSONSchema(schema, { io: "input", target: "openapi-3.0", unrepresentable: "any", reused: "inline" }) as OpenApiSchema);
}

/** The structural schema of whole objects of `kind`, with `metadata` as a plain object as CRDs want it. */
export function objectSchema(kind: Kind): OpenApiSchema {
  return {
    type: "object",
    description: kind.description,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: kind.apiVersion },
      kind: { type: "string", description: kind.kind },
      metadata: { type: "object" },
      spec: { ...openApiSchema(kind.spec), description: "What someone wants." },
      ...(kind.group === API_GROUP && { status: { ...openApiSchema(kind.status), description: "What someone saw." } }),
    },
  };
}

function structural(schema: OpenApiSchema): OpenApiSchema {
  const { $schema, listKey, propertyNames, additionalProperties, properties, items, format, pattern, minimum, maximum, ...rest } = schema;
  const result: OpenApiSchema = { ...rest };
  if (rest["type"] === "integer") result["format"] = "int64";
  if (format === "date-time") result["format"] = format;
  // A date-time's pattern is long and says the same as its format.
  else if (pattern !== undefined) result["pattern"] = pattern;
  // zod bounds every integer by what a double can hold.
  if (typeof minimum === "number" && minimum > Number.MIN_SAFE_INTEGER) result["minimum"] = minimum;
  if (typeof maximum === "number" && maximum < Number.MAX_SAFE_INTEGER) result["maximum"] = maximum;
  if (typeof properties === "object" && properties !== null)
    result["properties"] = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, structural(inner as OpenApiSchema)]));
  if (typeof items === "object" && items !== null) {
    result["items"] = structural(items as OpenApiSchema);
    result["x-kubernetes-list-type"] = typeof listKey === "string" ? "map" : "atomic";
    if (typeof listKey === "string") result["x-kubernetes-list-map-keys"] = [listKey];
  }
  if (typeof additionalProperties === "object" && additionalProperties !== null) {
    if (Object.keys(additionalProperties).length > 0) result["additionalProperties"] = structural(additionalProperties as OpenApiSchema);
    else result["x-kubernetes-preserve-unknown-fields"] = true;
  }
  return result;
}
