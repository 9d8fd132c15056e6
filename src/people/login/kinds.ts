/** What the centres keep of who is logged in. None of these kinds has a face, and none holds a secret: of each secret its hash alone. */
import { z } from "zod";
import { defineKind } from "#/model/index.ts";

/** RFC 3339, with milliseconds. */
const time = z.iso.datetime().max(40);
const hash = z.string().length(43).describe("SHA-256, base64url.");
/** Whose it is. The uid tells apart two users that had one name; the machine's own admin has none. */
const owner = z.strictObject({ name: z.string().max(253), uid: z.string().max(100).optional() });
const place = {
  from: z.string().max(100).optional().describe("Address from which it was made."),
  history: z.string().max(100).describe("History of the store in which it was made: a restored store has another, and nobody is brought back."),
};
const used = z.strictObject({ usedAt: time.optional() });
const grants = z.array(z.strictObject({ role: z.string().max(253), where: z.string().max(1_000).optional() })).max(50);

/** A user's password, and the browsers that have logged in with it before. Named as the user. */
export const credential = defineKind({
  kind: "Credential",
  plural: "credentials",
  scope: "Cluster",
  description: "A user's password, as a hash, and the browsers that know it.",
  spec: z.strictObject({
    user: owner,
    password: z.string().max(300).describe("PHC string of argon2id."),
    changed: time,
    browsers: z
      .array(z.strictObject({ hash, seen: time }))
      .max(20)
      .default([]),
  }),
  status: z.strictObject({}),
  columns: [],
});
export type Credential = typeof credential.$object;

/** Somebody who is logged in. Its name is its id. */
export const session = defineKind({
  kind: "Session",
  plural: "sessions",
  scope: "Cluster",
  description: "Somebody who is logged in with a browser.",
  spec: z.strictObject({
    user: owner,
    cookie: hash,
    secret: hash,
    created: time,
    expires: time,
    isDisplay: z.boolean().default(false).describe("True: of a wall, without input; it reads alone."),
    how: z.enum(["password", "link", "provider"]),
    label: z.string().max(200).optional().describe("What people call it."),
    browser: z.string().max(300).optional().describe("What the browser said of itself."),
    groups: z.array(z.string().max(253)).max(200).optional().describe("Groups that the provider has told."),
    ...place,
  }),
  status: used,
  isImmutable: true,
  columns: [],
});
export type Session = typeof session.$object;

/** A token for programs and the command line. Its name is its id. */
export const token = defineKind({
  kind: "Token",
  plural: "tokens",
  scope: "Cluster",
  description: "A token with which a program acts for a user.",
  spec: z.strictObject({
    user: owner,
    hash,
    created: time,
    expires: time,
    by: z.string().max(253).describe("Who made it."),
    label: z.string().max(200).optional(),
    scope: grants.optional().describe("Roles to which it is limited; absent: all that its owner may."),
    ...place,
  }),
  status: used,
  isImmutable: true,
  columns: [],
});
export type Token = typeof token.$object;

/** A link that logs somebody in once. Its name is its id. */
export const loginLink = defineKind({
  kind: "LoginLink",
  plural: "loginlinks",
  scope: "Cluster",
  description: "A link that logs somebody in, once.",
  spec: z.strictObject({
    user: owner,
    hash,
    created: time,
    expires: time,
    by: z.string().max(253),
    isDisplay: z.boolean().default(false),
    label: z.string().max(200).optional(),
    /** Of a display: how long its session lives. */
    sessionMs: z.int().min(1).optional(),
    /** Of who comes from a provider: the groups that it has told. */
    provided: z.array(z.string().max(253)).max(200).optional(),
    ...place,
  }),
  status: z.strictObject({}),
  isImmutable: true,
  columns: [],
});
export type LoginLink = typeof loginLink.$object;
