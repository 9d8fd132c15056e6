import { API_GROUP, type StoredObject } from "#/model/index.ts";
import type { Exchange, Reply } from "./exchange.ts";
import { missing } from "./reads.ts";
import type { Rights } from "./rights.ts";
import { keyOf, type Target } from "./writes.ts";

/** One secret of an object. */
interface SecretValue {
  /** `spec.template.env[PASSWORD]`. */
  readonly field: string;
  readonly name: string;
  readonly value: string;
}

/** `GET …/NAME/secrets`: the secrets of one object, for who has the action see-secrets. The audit is told before they are shown; what must not be written down, nobody sees.
 *  @throws store/missing, api/forbidden, access/waits, audit/unwritable */
export async function serveSecrets(exchange: Exchange, target: Target, name: string, rights: Rights): Promise<Reply> {
  const { collection, kind } = target;
  const object = await rights.find(exchange.user, kind, keyOf(target, name));
  if (object === undefined) throw missing(collection, name);
  await rights.checkCall(exchange, "see-secrets", [object], "see its secrets");
  const { namespace, uid, resourceVersion } = object.metadata;
  const seen = secretsOf(object);
  await exchange.trail.begin("see-secrets", {
    object: { kind: kind.kind, ...(namespace !== undefined && { namespace }), name, uid },
    detail: { names: seen.map((one) => one.name).join(", ") },
  });
  return {
    status: 200,
    contentType: "application/json",
    text: JSON.stringify({
      apiVersion: `${API_GROUP}/v1`,
      kind: "SecretValues",
      metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion },
      items: seen,
    }),
    headers: { "cache-control": "no-store" },
  };
}

function secretsOf(object: StoredObject): readonly SecretValue[] {
  const found: SecretValue[] = [];
  collect("spec", object.spec, found);
  return found;
}

function collect(field: string, value: unknown, found: SecretValue[]): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) => {
      const { name = index } = (item ?? {}) as { readonly name?: unknown };
      collect(`${field}[${String(name)}]`, item, found);
    });
    return;
  }
  const map = value as Readonly<Record<string, unknown>>;
  if (map["secret"] === true && typeof map["name"] === "string" && typeof map["value"] === "string")
    found.push({ field, name: map["name"], value: map["value"] });
  for (const [key, inner] of Object.entries(map)) collect(`${field}.${key}`, inner, found);
}
