export type { Approvals, Asking } from "./approvals.ts";
export { BUILT_IN_ROLES } from "./built-in-roles.ts";
export type { CarryingOut } from "./carrying-out.ts";
export type {
  ActionRule,
  Authenticate,
  Authorizer,
  Effect,
  Given,
  Identity,
  OnRevoked,
  PathRule,
  Reading,
  ResourceRule,
  RoleGrant,
  Rules,
  Verdict,
  VisibleKind,
  Wish,
} from "./contract.ts";
export { effects } from "./effects.ts";
export { fixedRoles } from "./fixed-roles.ts";
export { ANONYMOUS, machineTokens } from "./machine.ts";
export { type Access, type AccessOptions, openAccess } from "./open-access.ts";
export { accessPart } from "./part.ts";
