import { z } from "zod";
import { isOrreryError, OrreryError } from "#/base/index.ts";
import { ACTIONS, API_GROUP, type Kind, type StoredObject, user as userKind } from "#/model/index.ts";
import type { Authorizer, Identity, Verdict, Wish } from "#/people/access/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { readFields, textField } from "./protobuf.ts";
import { readSmallBody } from "./small-body.ts";

/** POST of a review: who am I, may I, what may I; and, of who manages users, whether another may. kubectl sends these as protobuf; JSON is answered, which it accepts.
 *  @throws api/missing: another review, or no such user; api/forbidden; api/bad-request: it asks for nothing that could be answered */
export async function serveReview(exchange: Exchange, { authorizer, store, kinds }: ReviewOptions, plural: string): Promise<Reply> {
  const { user } = exchange;
  switch (plural) {
    case "selfsubjectreviews": {
      await readSmallBody(exchange, selfReview, { protobuf: () => ({}) });
      return created("authentication.k8s.io/v1", "SelfSubjectReview", {
        status: {
          userInfo: { username: user.name, ...(user.uid !== undefined && { uid: user.uid }), groups: [...user.groups, "system:authenticated"] },
        },
      });
    }
    case "selfsubjectaccessreviews": {
      const { spec } = await readSmallBody(exchange, accessReview, { protobuf: accessSpec });
      const wish = wishOf(spec);
      const verdict = await seen(user, wish);
      return created("authorization.k8s.io/v1", "SelfSubjectAccessReview", { spec, status: { allowed: verdict.allowed, reason: verdict.reason } });
    }
    case "subjectaccessreviews": {
      if (!authorizer.decide(user, { verb: "manage-users", group: API_GROUP, resource: userKind.plural }).allowed)
        throw new OrreryError(
          "api/forbidden",
          `forbidden: user ${user.name} may not manage users, and so asks of themselves alone (SelfSubjectAccessReview)`,
        );
      const { spec } = await readSmallBody(exchange, otherReview);
      const object = await store.get(userKind, { name: spec.user });
      if (object === undefined) throw new OrreryError("api/missing", `there is no user ${spec.user.slice(0, 100)}; see them with: orrery user list`);
      authorizer.checkAction(user, "manage-users", object);
      const verdict = await seen(identityOf(object), wishOf(spec));
      return created("authorization.k8s.io/v1", "SubjectAccessReview", { spec, status: { allowed: verdict.allowed, reason: verdict.reason } });
    }
    case "selfsubjectrulesreviews": {
      await readSmallBody(exchange, rulesReview, { protobuf: () => ({}) });
      const { resources, paths } = authorizer.rules(user);
      const scoped = resources.flatMap(({ where }) => (where === undefined ? [] : where));
      return created("authorization.k8s.io/v1", "SelfSubjectRulesReview", {
        status: {
          resourceRules: resources.map((rule) => ({
            verbs: rule.verbs,
            apiGroups: rule.groups,
            resources: rule.resources,
            ...(rule.names !== undefined && { resourceNames: rule.names }),
          })),
          nonResourceRules: paths.map((rule) => ({ verbs: rule.verbs, nonResourceURLs: rule.paths })),
          incomplete: scoped.length > 0,
          ...(scoped.length > 0 && { evaluationError: `some hold only for objects with labels: ${[...new Set(scoped)].slice(0, 50).join("; ")}` }),
        },
      });
    }
    default:
      throw new OrreryError("api/missing", `${plural} are not served here`);
  }

  /** Of an object that is there it is told what would come of it. */
  async function seen(who: Identity, wish: Wish): Promise<Verdict> {
    const verdict = authorizer.decide(who, wish);
    if (!verdict.allowed || "path" in wish || wish.name === undefined || wish.name === "") return verdict;
    const { group, resource, name, namespace, verb } = wish;
    const kind = kinds.find((one) => one.group === group && one.plural === resource);
    if (kind === undefined) return verdict;
    const object = await store.get(kind, { name, ...(namespace !== undefined && namespace !== "" && kind.scope === "Namespaced" && { namespace }) });
    if (object === undefined) return verdict;
    const test = authorizer.visible(who, kind, { verb: "get" });
    if (test !== undefined && !test(object)) return { allowed: false, reason: `${kind.kind} ${name} is not among those that ${who.name} sees` };
    const action = ACTIONS.find((one) => one === verb && one !== "update");
    if (action === undefined) return verdict;
    try {
      authorizer.checkAction(who, action, object);
      return verdict;
    } catch (error) {
      if (isOrreryError(error, "api/forbidden")) return { allowed: false, reason: error.message };
      throw error;
    }
  }
}

/** A user as they are when logged in, without the groups that a provider would tell. */
export function identityOf({ metadata: { name, uid } }: StoredObject): Identity {
  return { name, uid, groups: [], via: "session" };
}

export interface ReviewOptions {
  readonly authorizer: Authorizer;
  readonly store: Store;
  readonly kinds: readonly Kind[];
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
const attributes = {
  resourceAttributes: z
    .looseObject({ namespace: text, verb: text, group: text, version: text, resource: text, subresource: text, name: text })
    .optional(),
  nonResourceAttributes: z.looseObject({ path: text, verb: text }).optional(),
};
const isOfOne = (spec: { readonly resourceAttributes?: unknown; readonly nonResourceAttributes?: unknown }): boolean =>
  (spec.resourceAttributes === undefined) !== (spec.nonResourceAttributes === undefined);
const either = { error: "give either resourceAttributes or nonResourceAttributes" };
const accessReview = z.looseObject({
  kind: z.literal("SelfSubjectAccessReview").optional(),
  spec: z.looseObject(attributes).refine(isOfOne, either),
});
const otherReview = z.looseObject({
  kind: z.literal("SubjectAccessReview").optional(),
  spec: z.looseObject({ user: z.string().min(1).max(253), ...attributes }).refine(isOfOne, either),
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
