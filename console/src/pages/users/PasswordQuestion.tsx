import { useState } from "react";
import { send } from "../../api/request.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { isWhole, NewPassword, NO_PASSWORD } from "../../parts/NewPassword.tsx";
import { useTexts } from "../../texts/index.ts";
import type { UserObject } from "./people.ts";

interface PasswordQuestionProps {
  readonly user: string;
  readonly run: Deeds<UserObject | undefined>["run"];
  readonly onClose: () => void;
}

/** Sets another's password, and says what that ends and what is better. */
export function PasswordQuestion({ user, run, onClose }: PasswordQuestionProps) {
  const t = useTexts("users");
  const [draft, setDraft] = useState(NO_PASSWORD);
  const answer = (reason: string): Promise<string | undefined> =>
    run({
      title: t("deeds.password", { name: user }),
      send: () => send({ method: "POST", path: `/users/${encodeURIComponent(user)}/password`, body: { password: draft.next }, reason }),
      doneText: t("passwordSet"),
    });
  return (
    <Ask title={t("asks.password", { name: user })} verb={t("verbs.password")} isIncomplete={!isWhole(draft)} onAnswer={answer} onClose={onClose}>
      <p className="quiet">{t("effects.password", { name: user })}</p>
      <NewPassword draft={draft} onChange={setDraft} />
    </Ask>
  );
}
