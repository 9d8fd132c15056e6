import { z } from "zod";
import { ACTIONS } from "./action.ts";
import { defineKind } from "./kind.ts";
import { shortSubdomain } from "./names.ts";
import { labelSelector } from "./selector-text.ts";

const OWN_PREFIX = /^(?:orrery|system):/;

/** A group of people: what a provider calls it, or the site. Those of the platform itself are given by its tokens alone. */
export const groupName = z
  .string()
  .min(1)
  .max(253)
  .refine((name) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(name), "characters that can be printed")
  .refine((name) => !OWN_PREFIX.test(name), "a name that does not begin with orrery: or system:, which are the platform's own");

const verb = z.enum(["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "*"]);

const kindName = z
  .string()
  .max(100)
  .regex(
    /^(?:\*|[A-Za-z][A-Za-z0-9]*)(?:\/[a-z]+)?$/,
    "a kind, as in Microservice or microservices, or what is below one, as in Instance/log; * for every kind, without the writing of a status; */status for that",
  );

const rule = z.strictObject({
  verbs: z.array(verb).min(1).max(20).describe("get, list, watch, create, update, patch, delete, deletecollection; * for all."),
  kinds: z
    .array(kindName)
    .min(1)
    .max(100)
    .describe(
      "Kinds, as in Microservice; what is below them, as in Instance/log, Instance/exec or Microservice/status, is named for itself. * for every kind and what is below it, except the writing of a status.",
    ),
  names: z.array(z.string().min(1).max(253)).min(1).max(100).optional().describe("Of these objects alone; absent: of any."),
  labels: labelSelector.optional().describe("Of objects with these labels alone, as kubectl get -l takes them; absent: whatever their labels."),
});

const pathRule = z.strictObject({
  verbs: z
    .array(z.enum(["get", "post", "delete", "*"]))
    .min(1)
    .max(5),
  paths: z
    .array(
      z
        .string()
        .max(200)
        .regex(/^(?:\*|\/[-A-Za-z0-9._~/]*\*?)$/, "a path of the API, as in /metrics, /live/* for everything below, or * for all but the audit"),
    )
    .min(1)
    .max(50),
});

const spec = z.strictObject({
  description: z.string().max(1_000).optional().describe("What it is for."),
  rules: z.array(rule).max(100).default([]).describe("What may be done with objects."),
  paths: z.array(pathRule).max(50).default([]).describe("What may be asked for that is no object, as in /live/* or /metrics."),
  actions: z
    .array(z.enum([...ACTIONS, "*"]))
    .max(40)
    .default([])
    .describe("What may be done beside editing, whatever the way. * for all but escalate."),
  groups: z
    .array(
      z.strictObject({
        name: groupName,
        where: labelSelector.optional().describe("For objects with these labels alone; absent: for the whole site."),
      }),
    )
    .max(200)
    .meta({ listKey: "name" })
    .default([])
    .describe("Groups that have it."),
});

export const role = defineKind({
  kind: "Role",
  plural: "roles",
  scope: "Cluster",
  name: shortSubdomain,
  description: "What those may do who have it, as a User or by a group. viewer, operator, engineer and admin are built in.",
  spec,
  status: z.strictObject({}),
  columns: [
    { name: "Actions", type: "string", jsonPath: ".spec.actions[*]", description: "What may be done beside editing" },
    { name: "Groups", type: "string", jsonPath: ".spec.groups[*].name", description: "Groups that have it" },
    { name: "Description", type: "string", jsonPath: ".spec.description", description: "What it is for" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when", priority: 1 },
  ],
});
export type Role = typeof role.$object;
