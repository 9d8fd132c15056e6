import { useMemo } from "react";
import { useView } from "../../api/live.ts";
import { adminsOf, type RoleObject, type UserObject } from "./people.ts";

/** There may be more: then nothing is said of who is left, and the API refuses to let the last one go. */
const USERS_MAX = 1_000;

/** Who is left to decide who may do what, if `change` is made of Users and Roles; undefined: not known. */
export function useAdminsAfter(
  roles: readonly RoleObject[],
  change: { readonly user?: UserObject | undefined; readonly gone?: string; readonly role?: RoleObject; readonly goneRole?: string },
): { readonly before: readonly string[]; readonly after: readonly string[] } | undefined {
  const live = useView<UserObject>({ of: "objects", resource: "users", limit: USERS_MAX });
  const key = JSON.stringify(change);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same change is the same answer
  return useMemo(() => {
    if (live.isLoading || live.error !== undefined || live.total > live.rows.length) return undefined;
    const users = live.rows.map(({ row }) => row);
    const { user, gone = user?.metadata.name, role, goneRole = role?.metadata.name } = change;
    const later = [...users.filter(({ metadata }) => metadata.name !== gone), ...(user === undefined ? [] : [user])];
    const rolesLater = [...roles.filter(({ metadata }) => metadata.name !== goneRole), ...(role === undefined ? [] : [role])];
    return { before: adminsOf(users, roles), after: adminsOf(later, rolesLater) };
  }, [live.rows, live.isLoading, live.error, live.total, roles, key]);
}
