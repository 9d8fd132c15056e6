import { type CentrePart, partKind } from "#/state/reconcile/index.ts";
import { credential, loginLink, session, token } from "./kinds.ts";

/** What is kept of logins, for all centres. */
export const loginPart: CentrePart = {
  name: "login",
  description: "Passwords, sessions and tokens of users.",
  isEssential: true,
  kinds: [credential, session, token, loginLink].map((kind) => partKind(kind, { isFaceless: true })),
  controllers: [],
};
