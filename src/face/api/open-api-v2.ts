/** `documents` (OpenAPI 3.0, as `OpenApi` makes them) as one of OpenAPI 2.0, which Kubernetes' older clients, Terraform and generators of clients read. As Kubernetes' own, it says less: what 2.0 has no words for (oneOf, anyOf, not, nullable) is left out. */
export function openApiV2(documents: readonly unknown[], info: object): object {
  const paths: Record<string, unknown> = {};
  const definitions: Record<string, unknown> = {};
  for (const document of documents) {
    const { paths: given, components } = document as OpenApi3;
    for (const [path, item] of Object.entries(given)) paths[path] = pathItem(item);
    for (const [name, schema] of Object.entries(components.schemas)) definitions[name] = schemaOf(schema);
  }
  return {
    swagger: "2.0",
    info,
    paths,
    definitions,
    securityDefinitions: { bearer: { type: "apiKey", name: "authorization", in: "header", description: "Bearer TOKEN" } },
    security: [{ bearer: [] }],
  };
}

interface OpenApi3 {
  readonly paths: Readonly<Record<string, Node>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

type Node = Readonly<Record<string, unknown>>;

function pathItem(item: Node): Node {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, name === "parameters" ? (value as readonly Node[]).map(parameter) : operation(value as Node)]),
  );
}

function parameter({ schema, ...rest }: Node): Node {
  return { ...rest, ...(schema as Node) };
}

function operation({ parameters, requestBody, responses, ...rest }: Node): Node {
  const body = requestBody as { readonly required: boolean; readonly content: Readonly<Record<string, { readonly schema: Node }>> } | undefined;
  const schema = Object.values(body?.content ?? {})[0]?.schema;
  return {
    ...rest,
    ...(body !== undefined && { consumes: Object.keys(body.content) }),
    produces: [JSON_TYPE],
    parameters: [
      ...((parameters ?? []) as readonly Node[]).map(parameter),
      ...(body === undefined ? [] : [{ name: "body", in: "body", required: body.required, schema: schemaOf(schema) }]),
    ],
    responses: Object.fromEntries(
      Object.entries(responses as Readonly<Record<string, { readonly description: string; readonly content: Readonly<Record<string, Node>> }>>).map(
        ([status, { description, content }]) => [status, { description, schema: schemaOf(content[JSON_TYPE]?.["schema"]) }],
      ),
    ),
  };
}

const JSON_TYPE = "application/json";
const UNKNOWN_TO_2: ReadonlySet<string> = new Set(["oneOf", "anyOf", "not", "nullable"]);
const COMPONENTS = "#/components/schemas/";

/** Not to be asked of the `properties` of a schema, whose names are anybody's: one may be called `not`. */
function schemaOf(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(schemaOf);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema)
    .filter(([key]) => !UNKNOWN_TO_2.has(key))
    .map(([key, value]) => {
      if (key === "$ref") return [key, String(value).replace(COMPONENTS, "#/definitions/")];
      if (key === "properties") return [key, Object.fromEntries(Object.entries(value as Node).map(([name, inner]) => [name, schemaOf(inner)]))];
      return [key, SCHEMAS.has(key) ? schemaOf(value) : value];
    });
  return Object.fromEntries(entries);
}

/** What holds schemas itself; of the others (enum, default, extensions) nothing is looked at. */
const SCHEMAS: ReadonlySet<string> = new Set(["items", "allOf", "additionalProperties"]);
