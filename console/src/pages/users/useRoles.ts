import { useMemo } from "react";
import { type LiveView, useView } from "../../api/live.ts";
import type { RoleObject } from "./people.ts";

/** There may be more: who has as many writes them by a program. */
const ROLES_MAX = 500;

/** The roles of the site's own, and the groups that have one of those that every site has. Live. */
export function useRoles(): LiveView<RoleObject> & { readonly roles: readonly RoleObject[] } {
  const live = useView<RoleObject>({
    of: "objects",
    resource: "roles",
    sort: { by: ".metadata.name", descending: false },
    offset: 0,
    limit: ROLES_MAX,
  });
  const roles = useMemo(() => live.rows.map(({ row }) => row), [live.rows]);
  return { ...live, roles };
}
