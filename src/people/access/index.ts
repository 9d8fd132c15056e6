export type {
  ActionRule,
  Authenticate,
  Authorizer,
  Effect,
  Given,
  Identity,
  OnRevoked,
  PathRule,
  ResourceRule,
  RoleGrant,
  Rules,
  Verdict,
  Wish,
} from "./contract.ts";
export { fixedRoles } from "./fixed-roles.ts";
export { ANONYMOUS, machineTokens } from "./machine.ts";
