import { useTexts } from "../../texts/index.ts";
import type { Grant } from "./people.ts";

interface GrantsProps {
  readonly grants: readonly Grant[];
  readonly roles: readonly string[];
  readonly onChange: (grants: readonly Grant[]) => void;
}

/** Which roles, each for the whole site or for objects with certain labels. */
export function Grants({ grants, roles, onChange }: GrantsProps) {
  const t = useTexts("users");
  const set = (at: number, grant: Grant | undefined): void => onChange(grants.flatMap((one, index) => (index === at ? (grant ?? []) : one)));
  return (
    <fieldset className="grants">
      <legend>{t("rolesHint")}</legend>
      {grants.map(({ role, where }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
        <div key={at} className="grant">
          <select
            className="input"
            aria-label={t("role")}
            value={role}
            onChange={(event) => set(at, { role: event.target.value, ...(where !== undefined && { where }) })}
          >
            {(roles.includes(role) ? roles : [role, ...roles]).map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
          <input
            className="input"
            aria-label={t("forObjects")}
            spellCheck={false}
            placeholder={t("wherePlaceholder")}
            value={where ?? ""}
            onChange={(event) => set(at, { role, ...(event.target.value.trim() !== "" && { where: event.target.value }) })}
          />
          <button type="button" className="button is-bare" aria-label={t("takeRole", { role })} onClick={() => set(at, undefined)}>
            ×
          </button>
        </div>
      ))}
      <button type="button" className="button is-small" onClick={() => onChange([...grants, { role: roles[0] ?? "viewer" }])}>
        {t("oneMore")}
      </button>
    </fieldset>
  );
}
