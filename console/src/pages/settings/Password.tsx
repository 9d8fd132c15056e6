import { type FormEvent, useState } from "react";
import { send } from "../../api/request.ts";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { isWhole, NewPassword, NO_PASSWORD } from "../../parts/NewPassword.tsx";
import { useTexts } from "../../texts/index.ts";

/** Sets one's own password; all other sessions end. */
export function Password({ user, isKnown }: { readonly user: string; readonly isKnown: boolean }) {
  const t = useTexts("settings");
  const [current, setCurrent] = useState("");
  const [draft, setDraft] = useState(NO_PASSWORD);
  const deeds = useDeed(undefined);
  if (!isKnown) return <p className="note">{t("noPassword", { user })}</p>;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const body = { password: draft.next, current };
    void deeds.run({
      title: t("passwordDeed"),
      send: () => send({ method: "POST", path: `/users/${encodeURIComponent(user)}/password`, body }),
      doneText: t("passwordSet"),
    });
    setCurrent("");
    setDraft(NO_PASSWORD);
  };
  return (
    <form className="settings-form" onSubmit={submit}>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <input className="only-read" type="text" name="username" autoComplete="username" readOnly tabIndex={-1} aria-hidden="true" value={user} />
      <label className="field">
        <span>{t("current")}</span>
        <input
          className="input"
          type="password"
          autoComplete="current-password"
          required
          maxLength={1_024}
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
      </label>
      <NewPassword draft={draft} onChange={setDraft} />
      <p className="quiet small">{t("passwordEffect")}</p>
      <button type="submit" className="button is-first" disabled={current === "" || !isWhole(draft)}>
        {t("passwordDeed")}
      </button>
    </form>
  );
}
