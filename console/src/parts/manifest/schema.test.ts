import assert from "node:assert/strict";
import { test } from "node:test";
import { KindSchema, type Schemas, typeText } from "./schema.ts";

const META = {
  type: "object",
  properties: { name: { type: "string" }, uid: { type: "string" }, labels: { type: "object", additionalProperties: { type: "string" } } },
};
const SCHEMAS = {
  components: {
    schemas: {
      Meta: META,
      Service: {
        type: "object",
        "x-kubernetes-group-version-kind": [{ group: "orrery.dev", version: "v1", kind: "Microservice" }],
        required: ["spec"],
        properties: {
          apiVersion: { type: "string" },
          status: { type: "object" },
          metadata: { description: "Who it is.", allOf: [{ $ref: "#/components/schemas/Meta" }] },
          spec: {
            type: "object",
            required: ["template"],
            properties: {
              replicas: { type: "integer", minimum: 0, maximum: 1000, description: "Instances wanted.", default: 1 },
              mode: { type: "string", enum: ["one", "two"] },
              template: {
                type: "object",
                properties: { env: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } } },
              },
              probe: {
                oneOf: [
                  { type: "object", properties: { http: { type: "object" } } },
                  { type: "object", properties: { tcp: { type: "object" } } },
                ],
              },
              on: { type: "boolean" },
            },
          },
        },
      },
    },
  },
} as unknown as Schemas;

test("what may stand at a place, of every form that may, but not what only the server writes", () => {
  const schema = new KindSchema(SCHEMAS, "Microservice");
  const names = (...path: (string | number)[]) => schema.fieldsAt(path).map(({ name }) => name);
  assert.deepEqual(names(), ["apiVersion", "metadata", "spec"]);
  assert.deepEqual(names("metadata"), ["name", "labels"]);
  assert.deepEqual(names("spec", "template", "env", 3), ["name"]);
  assert.deepEqual(names("spec", "probe"), ["http", "tcp"]);
  assert.deepEqual(names("spec", "nothing"), []);
  assert.deepEqual(
    schema.fieldsAt(["spec"]).flatMap(({ name, isRequired }) => (isRequired ? [name] : [])),
    ["template"],
  );
  assert.deepEqual(schema.valuesAt(["spec", "mode"]), ["one", "two"]);
  assert.deepEqual(schema.valuesAt(["spec", "on"]), ["true", "false"]);
  assert.equal(schema.describe(["spec", "replicas"])?.description, "Instances wanted.");
  assert.equal(schema.describe(["metadata"])?.description, "Who it is.");
  assert.equal(typeText(schema.describe(["spec", "replicas"]) ?? {}), "integer 0–1000");
  assert.deepEqual(new KindSchema(SCHEMAS, "Other").fieldsAt([]), []);
});
