import { type FormEvent, type ReactNode, useState } from "react";
import { send } from "../../api/request.ts";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { useTexts } from "../../texts/index.ts";

/** As the centre demands it: src/people/login/limits.ts. */
const CHARACTERS_MIN = 12;

/** Sets one's own password; all other sessions end. */
export function Password({ user, isKnown }: { readonly user: string; readonly isKnown: boolean }) {
  const t = useTexts("settings");
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const deeds = useDeed(undefined);
  if (!isKnown) return <p className="note">{t("noPassword", { user })}</p>;
  const isShort = next !== "" && [...next].length < CHARACTERS_MIN;
  const isOther = again !== "" && again !== next;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const body = { password: next, current };
    void deeds.run({
      title: t("passwordDeed"),
      send: () => send({ method: "POST", path: `/users/${encodeURIComponent(user)}/password`, body }),
      doneText: t("passwordSet"),
    });
    setCurrent("");
    setNext("");
    setAgain("");
  };
  const field = (label: string, value: string, set: (value: string) => void, autoComplete: string): ReactNode => (
    <label className="field">
      <span>{label}</span>
      <input
        className="input"
        type="password"
        autoComplete={autoComplete}
        required
        maxLength={1_024}
        value={value}
        onChange={(event) => set(event.target.value)}
      />
    </label>
  );
  return (
    <form className="settings-form" onSubmit={submit}>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <input className="only-read" type="text" name="username" autoComplete="username" readOnly tabIndex={-1} aria-hidden="true" value={user} />
      {field(t("current"), current, setCurrent, "current-password")}
      {field(t("next", { count: CHARACTERS_MIN }), next, setNext, "new-password")}
      {field(t("again"), again, setAgain, "new-password")}
      {isShort && <p className="note is-warn">{t("tooShort", { count: CHARACTERS_MIN })}</p>}
      {isOther && <p className="note is-warn">{t("notSame")}</p>}
      <p className="quiet small">{t("passwordEffect")}</p>
      <button type="submit" className="button is-first" disabled={current === "" || next === "" || isShort || again !== next}>
        {t("passwordDeed")}
      </button>
    </form>
  );
}
