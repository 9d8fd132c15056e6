import { useTexts } from "../../texts/index.ts";
import type { RoleObject } from "./people.ts";
import { useAdminsAfter } from "./useAdmins.ts";

interface AdminsLeftProps {
  readonly roles: readonly RoleObject[];
  readonly change: Parameters<typeof useAdminsAfter>[1];
}

/** Warns where a change takes away one who decides who may do what, and at most one is left. */
export function AdminsLeft({ roles, change }: AdminsLeftProps) {
  const t = useTexts("users");
  const told = useAdminsAfter(roles, change);
  if (told === undefined || told.after.length > 1 || told.after.length >= told.before.length) return null;
  const [last] = told.after;
  return (
    <p className="note is-warn" role="status">
      {last === undefined ? t("nobodyLeft") : t("oneLeft", { name: last })}
    </p>
  );
}
