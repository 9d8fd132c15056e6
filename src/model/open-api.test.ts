import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "./all-kinds.ts";
import { type OpenApiSchema, objectSchema } from "./open-api.ts";

/** The rules of structural schemas, from "Extend the Kubernetes API with CustomResourceDefinitions". */
function broken(schema: OpenApiSchema, at: string): string[] {
  const found: string[] = [];
  const { type, properties, items, additionalProperties } = schema as {
    type?: string;
    properties?: Record<string, OpenApiSchema>;
    items?: OpenApiSchema;
    additionalProperties?: OpenApiSchema;
  };
  if (type === undefined) found.push(`${at}: no type`);
  for (const key of Object.keys(schema))
    if (["$ref", "$defs", "allOf", "anyOf", "oneOf", "not", "propertyNames", "const", "$schema", "listKey"].includes(key))
      found.push(`${at}: ${key}`);
  if (properties !== undefined && additionalProperties !== undefined) found.push(`${at}: properties and additionalProperties`);
  if (type === "array") {
    const listType = schema["x-kubernetes-list-type"];
    if (listType !== "atomic" && listType !== "map") found.push(`${at}: list type ${listType}`);
    const keys = (schema["x-kubernetes-list-map-keys"] ?? []) as string[];
    const inner = items as { properties?: Record<string, OpenApiSchema>; required?: string[] } | undefined;
    if (listType === "map" && (keys.length !== 1 || !keys.every((key) => inner?.required?.includes(key))))
      found.push(`${at}: key ${keys.join()} is not a required field`);
  }
  for (const [name, inner] of Object.entries(properties ?? {})) found.push(...broken(inner, `${at}.${name}`));
  if (items !== undefined) found.push(...broken(items, `${at}[]`));
  if (typeof additionalProperties === "object") found.push(...broken(additionalProperties, `${at}.*`));
  return found;
}

for (const kind of kinds) {
  test(`the schema of ${kind.kind} keeps Kubernetes' rules for structural schemas`, () => {
    assert.deepEqual(broken(objectSchema(kind), kind.kind), []);
  });
}

test("fields with defaults are not required, and lists with keys say so", () => {
  const microservice = objectSchema(kinds.find((kind) => kind.kind === "Microservice") ?? assert.fail());
  const spec = (microservice["properties"] as Record<string, OpenApiSchema>)["spec"] as {
    required: string[];
    properties: Record<string, { properties: Record<string, OpenApiSchema> }>;
  };
  assert.deepEqual(spec.required, ["template"]);
  assert.deepEqual(spec.properties["template"]?.properties["env"]?.["x-kubernetes-list-map-keys"], ["name"]);
});
