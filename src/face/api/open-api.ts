import { createHash } from "node:crypto";
import { API_GROUP, type OpenApiSchema, objectSchema } from "#/model/index.ts";
import type { Collection } from "./collection.ts";
import { type Exchange, headerOf, JSON_TYPE, jsonReply, type Reply } from "./exchange.ts";
import { negotiateForm } from "./negotiate.ts";
import { openApiV2 } from "./open-api-v2.ts";
import { versionOf } from "./reads.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2";
const LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/** `/openapi/v3` and its documents, and `/openapi/v2`, from the schemas of the model: for `kubectl explain`, `apply`, `edit`, and for generators of clients. Made when first asked for. */
export class OpenApi {
  readonly #collections: readonly Collection[];
  readonly #version: string;
  readonly #documents = new Map<string, string>();
  #v2: string | undefined;

  constructor(collections: readonly Collection[], version: string) {
    this.#collections = collections;
    this.#version = version;
  }

  /** The answer below `/openapi`; `undefined` for what is not there. */
  serve(exchange: Exchange): Reply | undefined {
    const [root, format, ...rest] = exchange.path;
    if (root !== "openapi") return undefined;
    if (format === "v2" && rest.length === 0) return this.#serveV2(headerOf(exchange.request, "accept"));
    if (format !== "v3") return undefined;
    const names = this.#names;
    if (rest.length === 0)
      return jsonReply({
        paths: Object.fromEntries(
          names.map((name) => [
            name,
            { serverRelativeURL: `/openapi/v3/${name}?hash=${createHash("sha256").update(this.#document(name)).digest("hex").slice(0, 32)}` },
          ]),
        ),
      });
    const name = rest.join("/");
    return names.includes(name) ? { status: 200, contentType: JSON_TYPE, text: this.#document(name) } : undefined;
  }

  /** As JSON. kubectl, which asks for kinds that it found nowhere else, takes it as protobuf alone and breaks off without it: it gets a document without definitions, which as protobuf is no bytes at all, and then says what it does not know. */
  #serveV2(accept: string | undefined): Reply {
    if (accept?.includes(PROTOBUF_V2) === true) return { status: 200, contentType: `${PROTOBUF_V2}.v1.0+protobuf`, text: "" };
    negotiateForm(accept);
    this.#v2 ??= JSON.stringify(
      openApiV2(
        this.#names.map((name) => JSON.parse(this.#document(name))),
        { title: "Orrery", version: this.#version },
      ),
    );
    return { status: 200, contentType: JSON_TYPE, text: this.#v2 };
  }

  get #names(): readonly string[] {
    return [...new Set(this.#collections.map(documentName))];
  }

  #document(name: string): string {
    const known = this.#documents.get(name);
    if (known !== undefined) return known;
    const members = this.#collections.filter((collection) => documentName(collection) === name);
    const text = JSON.stringify({
      openapi: "3.0.0",
      info: { title: "Orrery", version: this.#version },
      paths: Object.assign({}, ...members.map(pathsOf)),
      components: {
        schemas: Object.assign({ [META]: objectMetaSchema, [LIST_META]: listMetaSchema }, ...members.map(schemasOf)),
        securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      },
      security: [{ bearer: [] }],
    });
    this.#documents.set(name, text);
    return text;
  }
}

function documentName(collection: Collection): string {
  return `${collection.group === "" ? "api" : "apis"}/${versionOf(collection)}`;
}

function schemaName({ group, version, kind }: Collection): string {
  return group === "" ? `io.k8s.api.core.${version}.${kind}` : `${group.split(".").reverse().join(".")}.${version}.${kind}`;
}

function typeOf({ group, version, kind }: Collection): object {
  return { group, version, kind };
}

const text = (description: string): OpenApiSchema => ({ type: "string", description });

function schemasOf(collection: Collection): Record<string, OpenApiSchema> {
  const schema: OpenApiSchema =
    collection.stored === undefined
      ? {
          type: "object",
          description: collection.description,
          properties: { apiVersion: text(versionOf(collection)), kind: text(collection.kind), metadata: {} },
          "x-kubernetes-preserve-unknown-fields": true,
        }
      : objectSchema(collection.stored);
  const name = schemaName(collection);
  return {
    [name]: {
      ...schema,
      properties: {
        ...(schema["properties"] as object),
        metadata: { description: "Name, labels and what the server keeps about the object.", allOf: [{ $ref: `#/components/schemas/${META}` }] },
      },
      "x-kubernetes-group-version-kind": [typeOf(collection)],
    },
    [`${name}List`]: {
      type: "object",
      description: `A list of ${collection.plural}.`,
      required: ["items"],
      properties: {
        apiVersion: text(versionOf(collection)),
        kind: text(`${collection.kind}List`),
        metadata: { allOf: [{ $ref: `#/components/schemas/${LIST_META}` }] },
        items: { type: "array", items: { allOf: [{ $ref: `#/components/schemas/${name}` }] } },
      },
      "x-kubernetes-group-version-kind": [{ ...typeOf(collection), kind: `${collection.kind}List` }],
    },
  };
}

interface Operation {
  readonly collection: Collection;
  readonly action: string;
  readonly summary: string;
  readonly query: readonly OpenApiSchema[];
  readonly answer: string;
  readonly body?: readonly string[];
}

const parameter = (name: string, type: string, description: string): OpenApiSchema => ({
  name,
  in: "query",
  description,
  schema: { type, uniqueItems: true },
});
const LISTING = [
  parameter("labelSelector", "string", "a=b, a!=b, a in (b,c), !a; joined by commas."),
  parameter("fieldSelector", "string", "path=value, path!=value; joined by commas."),
  parameter("limit", "integer", "At most so many; metadata.continue leads on."),
  parameter("continue", "string", "metadata.continue of the page before."),
  parameter("watch", "boolean", "Stream changes instead."),
  parameter("resourceVersion", "string", "Where a watch begins."),
  parameter("timeoutSeconds", "integer", "When a watch ends."),
  parameter("allowWatchBookmarks", "boolean", "Whether a watch sends bookmarks."),
];
const DRY_RUN = parameter("dryRun", "string", "All: check everything, write nothing.");
const WRITING = [
  DRY_RUN,
  parameter("fieldManager", "string", "Who writes; kept with the fields."),
  parameter("fieldValidation", "string", "Strict, Warn or Ignore unknown fields."),
];
const APPLYING = [...WRITING, parameter("force", "boolean", "Apply: take over fields of others.")];
const DELETING = [DRY_RUN, parameter("propagationPolicy", "string", "Background, Foreground or Orphan.")];
const PATCHES = ["application/merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml"];
const OBJECTS = ["application/json", "application/yaml"];

function pathsOf(collection: Collection): Record<string, object> {
  const { plural, kind, isNamespaced, verbs, stored } = collection;
  const root = `/${documentName(collection)}`;
  const base = isNamespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const namespace = isNamespaced ? [pathParameter("namespace", "The site; default.")] : [];
  const name = schemaName(collection);
  const one = (action: string, summary: string, query: readonly OpenApiSchema[], body?: readonly string[]): object =>
    operation({ collection, action, summary, query, answer: name, ...(body !== undefined && { body }) });
  const list = operation({ collection, action: "list", summary: `List or watch ${plural}`, query: LISTING, answer: `${name}List` });
  const writable = (part: string): object => ({
    get: one("get", `Read one ${kind}${part}`, []),
    ...(stored !== undefined && {
      put: one("put", `Replace one ${kind}${part}`, WRITING, OBJECTS),
      patch: one("patch", `Change fields of one ${kind}${part}`, APPLYING, PATCHES),
    }),
  });
  const named = [...namespace, pathParameter("name", `Name of the ${kind}.`)];
  return {
    [base]: { parameters: namespace, get: list, ...(verbs.includes("create") && { post: one("post", `Create one ${kind}`, WRITING, OBJECTS) }) },
    ...(isNamespaced && { [`${root}/${plural}`]: { get: list } }),
    [`${base}/{name}`]: {
      parameters: named,
      ...writable(""),
      ...(verbs.includes("delete") && { delete: one("delete", `Delete one ${kind}`, DELETING, OBJECTS) }),
    },
    ...(stored?.group === API_GROUP && { [`${base}/{name}/status`]: { parameters: named, ...writable("'s status") } }),
  };
}

function pathParameter(name: string, description: string): object {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

function operation({ collection, action, summary, query, answer, body }: Operation): object {
  const schema = { $ref: `#/components/schemas/${answer}` };
  return {
    description: summary,
    parameters: query,
    ...(body !== undefined && {
      requestBody: {
        required: action !== "delete",
        content: Object.fromEntries(
          body.map((type) => [type, { schema: PATCHES.includes(type) || action === "delete" ? { type: "object" } : schema }]),
        ),
      },
    }),
    responses: { "200": { description: "OK", content: { "application/json": { schema } } } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": typeOf(collection),
  };
}

const objectMetaSchema: OpenApiSchema = {
  type: "object",
  description: "Name, labels and what the server keeps about the object.",
  properties: {
    name: text("Unique among the objects of its kind; lower-case letters, digits, '-' and '.'."),
    generateName: text("Instead of a name: the beginning of one that the server makes."),
    namespace: text("The site; default."),
    uid: text("Given by the server; never used again."),
    resourceVersion: text("Changes with every write; given back with a write, it must be current."),
    generation: { type: "integer", format: "int64", description: "Counts changes of the spec." },
    creationTimestamp: { type: "string", format: "date-time", description: "When it was created." },
    deletionTimestamp: { type: "string", format: "date-time", description: "Since when it is being deleted." },
    deletionGracePeriodSeconds: { type: "integer", format: "int64", description: "Always 0." },
    labels: { type: "object", description: "To select by.", additionalProperties: { type: "string" } },
    annotations: { type: "object", description: "Notes of tools.", additionalProperties: { type: "string" } },
    finalizers: { type: "array", description: "Who must let go before it is gone.", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    ownerReferences: {
      type: "array",
      description: "It is deleted after these.",
      items: {
        type: "object",
        required: ["apiVersion", "kind", "name", "uid"],
        properties: {
          apiVersion: text("Of the owner."),
          kind: text("Of the owner."),
          name: text("Of the owner."),
          uid: text("Of the owner."),
          controller: { type: "boolean", description: "Whether this owner manages it." },
          blockOwnerDeletion: { type: "boolean", description: "Whether the owner waits for it when deleted in the foreground." },
        },
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
    },
    managedFields: {
      type: "array",
      description: "Who wrote which fields.",
      items: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      "x-kubernetes-list-type": "atomic",
    },
  },
};

const listMetaSchema: OpenApiSchema = {
  type: "object",
  properties: {
    resourceVersion: text("A watch from here misses nothing."),
    continue: text("Leads to the next page."),
    remainingItemCount: { type: "integer", format: "int64", description: "How many follow." },
  },
};
