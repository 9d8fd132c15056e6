import { useTexts } from "../texts/index.ts";

/** As the centre demands it: src/people/login/limits.ts. */
export const PASSWORD_CHARACTERS_MIN = 12;

export interface PasswordDraft {
  readonly next: string;
  readonly again: string;
}
export const NO_PASSWORD: PasswordDraft = { next: "", again: "" };

/** True: it can be sent. The centre looks, too. */
export function isWhole({ next, again }: PasswordDraft): boolean {
  return [...next].length >= PASSWORD_CHARACTERS_MIN && next === again;
}

/** A new password, typed twice, and what is wrong with it so far. */
export function NewPassword({ draft, onChange }: { readonly draft: PasswordDraft; readonly onChange: (draft: PasswordDraft) => void }) {
  const t = useTexts("credentials");
  const { next, again } = draft;
  const fields = [
    ["next", t("next", { count: PASSWORD_CHARACTERS_MIN }), next],
    ["again", t("again"), again],
  ] as const;
  return (
    <>
      {fields.map(([field, label, value]) => (
        <label key={field} className="field">
          <span>{label}</span>
          <input
            className="input"
            type="password"
            autoComplete="new-password"
            required
            maxLength={1_024}
            value={value}
            onChange={(event) => onChange({ ...draft, [field]: event.target.value })}
          />
        </label>
      ))}
      {next !== "" && [...next].length < PASSWORD_CHARACTERS_MIN && (
        <p className="note is-warn">{t("tooShort", { count: PASSWORD_CHARACTERS_MIN })}</p>
      )}
      {again !== "" && again !== next && <p className="note is-warn">{t("notSame")}</p>}
    </>
  );
}
