import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useTexts } from "../texts/index.ts";
import "./ask.css";
import { useModal } from "./useModal.ts";

interface AskProps {
  readonly title: string;
  /** What will happen, found out before it is asked. */
  readonly children?: ReactNode;
  /** Says the effect: "Scale to 3". */
  readonly verb: string;
  readonly isDanger?: boolean;
  /** Must be typed first, where nothing brings back what is done. */
  readonly typed?: string;
  /** Not to be sent yet, or not like this. */
  readonly isIncomplete?: boolean;
  /** It is not done without saying why. */
  readonly needsReason?: boolean;
  /** Does it. What comes of a promise is why it was refused: that is said here, and what was typed stays. */
  readonly onAnswer: (reason: string) => Promise<string | undefined> | undefined;
  readonly onClose: () => void;
}

/** Asks before something is done: what will happen, why it is done, one key that does it. */
export function Ask({ title, children, verb, isDanger = false, typed, isIncomplete = false, needsReason = false, onAnswer, onClose }: AskProps) {
  const t = useTexts("frame");
  const dialog = useModal();
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const id = useId();
  const [isSending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (isSending) return;
    const answered = onAnswer(reason.trim());
    if (answered === undefined) return onClose();
    setSending(true);
    const why = await answered;
    setSending(false);
    setRefusal(why);
    if (why === undefined) onClose();
  };
  return (
    <dialog ref={dialog} className="ask" aria-labelledby={id} onClose={onClose}>
      <form aria-busy={isSending} onSubmit={(event) => void submit(event)}>
        <h2 id={id}>{title}</h2>
        {children}
        <label className="field">
          <span>{t(needsReason ? "reasonNeeded" : "reason")}</span>
          <input
            className="input"
            required={needsReason}
            value={reason}
            maxLength={500}
            placeholder={t("reasonHint")}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        {typed !== undefined && (
          <label className="field">
            <span>{t("typeName", { name: typed })}</span>
            <input className="input" autoComplete="off" spellCheck={false} value={name} onChange={(event) => setName(event.target.value)} />
          </label>
        )}
        {refusal !== undefined && (
          <p className="note is-bad" role="alert">
            <b>{t("wasRefused")}</b> {refusal}
          </p>
        )}
        <div className="ask-answers">
          <button type="button" className="button" onClick={onClose}>
            {t("keep")}
          </button>
          <button
            type="submit"
            className={`button is-first${isDanger ? " is-danger" : ""}`}
            disabled={isSending || isIncomplete || (needsReason && reason.trim() === "") || (typed !== undefined && name !== typed)}
          >
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
