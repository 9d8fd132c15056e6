import { useTexts } from "../../texts/index.ts";

export interface GroupGrant {
  readonly name: string;
  readonly where?: string;
}

interface GroupRowsProps {
  readonly groups: readonly GroupGrant[];
  readonly onChange: (groups: readonly GroupGrant[]) => void;
}

/** Which groups have a role, each for the whole site or for objects with certain labels. */
export function GroupRows({ groups, onChange }: GroupRowsProps) {
  const t = useTexts("users");
  const set = (at: number, next: GroupGrant | undefined): void => onChange(groups.flatMap((one, index) => (index === at ? (next ?? []) : one)));
  return (
    <fieldset className="grants">
      <legend>{t("roleGroups")}</legend>
      {groups.map(({ name, where }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
        <div key={at} className="grant">
          <input
            className="input"
            aria-label={t("groupName")}
            spellCheck={false}
            placeholder="night-shift"
            value={name}
            onChange={(event) => set(at, { name: event.target.value, ...(where !== undefined && { where }) })}
          />
          <input
            className="input"
            aria-label={t("forObjects")}
            spellCheck={false}
            placeholder={t("wherePlaceholder")}
            value={where ?? ""}
            onChange={(event) => set(at, { name, ...(event.target.value.trim() !== "" && { where: event.target.value }) })}
          />
          <button type="button" className="button is-bare" aria-label={t("takeGroup", { name })} onClick={() => set(at, undefined)}>
            ×
          </button>
        </div>
      ))}
      <button type="button" className="button is-small" onClick={() => onChange([...groups, { name: "" }])}>
        {t("oneMoreGroup")}
      </button>
    </fieldset>
  );
}
