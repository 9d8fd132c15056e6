import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import type { Authorizer, Wish } from "#/people/access/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { readFields, textField } from "./protobuf.ts";
import { readSmallBody } from "./small-body.ts";

/** POST of a self subject review: who am I, may I, what may I. kubectl sends these as protobuf; JSON is answered, which it accepts.
 *  @throws api/missing: another review; api/bad-request: it asks for nothing that could be answered */
export async function serveReview(exchange: Exchange, authorizer: Authorizer, plural: string): Promise<Reply> {
  const { user } = exchange;
  switch (plural) {
    case "selfsubjectreviews": {
      await readSmallBody(exchange, selfReview, { protobuf: () => ({}) });
      return created("authentication.k8s.io/v1", "SelfSubjectReview", {
        status: { userInfo: { username: user.name, groups: [...user.groups, "system:authenticated"] } },
      });
    }
    case "selfsubjectaccessreviews": {
      const { spec } = await readSmallBody(exchange, accessReview, { protobuf: accessSpec });
      const verdict = authorizer.decide(user, wishOf(spec));
      return created("authorization.k8s.io/v1", "SelfSubjectAccessReview", { spec, status: { allowed: verdict.allowed, reason: verdict.reason } });
    }
    case "selfsubjectrulesreviews": {
      await readSmallBody(exchange, rulesReview, { protobuf: () => ({}) });
      const { resources, paths } = authorizer.rules(user);
      return created("authorization.k8s.io/v1", "SelfSubjectRulesReview", {
        status: {
          resourceRules: resources.map((rule) => ({ verbs: rule.verbs, apiGroups: rule.groups, resources: rule.resources })),
          nonResourceRules: paths.map((rule) => ({ verbs: rule.verbs, nonResourceURLs: rule.paths })),
          incomplete: false,
        },
      });
    }
    default:
      throw new OrreryError("api/missing", `${plural} are not served here`);
  }
}

function created(apiVersion: string, kind: string, parts: object): Reply {
  return jsonReply({ kind, apiVersion, metadata: {}, ...parts }, 201);
}

const text = z.string().optional();

const selfReview = z.looseObject({ kind: z.literal("SelfSubjectReview").optional() });
const rulesReview = z.looseObject({
  kind: z.literal("SelfSubjectRulesReview").optional(),
  spec: z.looseObject({ namespace: text }).optional(),
});
const accessReview = z.looseObject({
  kind: z.literal("SelfSubjectAccessReview").optional(),
  spec: z
    .looseObject({
      resourceAttributes: z
        .looseObject({ namespace: text, verb: text, group: text, version: text, resource: text, subresource: text, name: text })
        .optional(),
      nonResourceAttributes: z.looseObject({ path: text, verb: text }).optional(),
    })
    .refine((spec) => (spec.resourceAttributes === undefined) !== (spec.nonResourceAttributes === undefined), {
      error: "give either resourceAttributes or nonResourceAttributes",
    }),
});
type AccessSpec = z.infer<typeof accessReview>["spec"];

/** Field numbers of k8s.io/api/authorization/v1/generated.proto. */
function accessSpec(bytes: Buffer): { readonly spec: AccessSpec } {
  const spec = readFields(readFields(bytes).get(2) ?? Buffer.alloc(0));
  const [resource, path] = [spec.get(1), spec.get(2)];
  const named = (part: Buffer, names: Readonly<Record<string, number>>): Record<string, string> => {
    const fields = readFields(part);
    return Object.fromEntries(
      Object.entries(names)
        .map(([name, number]) => [name, textField(fields, number)] as const)
        .filter(([, value]) => value !== ""),
    );
  };
  return {
    spec: {
      ...(resource !== undefined && {
        resourceAttributes: named(resource, { namespace: 1, verb: 2, group: 3, version: 4, resource: 5, subresource: 6, name: 7 }),
      }),
      ...(path !== undefined && { nonResourceAttributes: named(path, { path: 1, verb: 2 }) }),
    },
  };
}

function wishOf({ resourceAttributes, nonResourceAttributes }: AccessSpec): Wish {
  if (nonResourceAttributes !== undefined) return { verb: nonResourceAttributes.verb ?? "", path: nonResourceAttributes.path ?? "" };
  const { verb = "", group = "", resource = "", subresource, namespace, name } = resourceAttributes ?? {};
  return {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
  };
}
