import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTexts } from "../texts/index.ts";
import "./ask.css";

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
  readonly onAnswer: (reason: string) => void;
  readonly onClose: () => void;
}

/** Asks before something is done: what will happen, why it is done, one key that does it. */
export function Ask({ title, children, verb, isDanger = false, typed, isIncomplete = false, needsReason = false, onAnswer, onClose }: AskProps) {
  const t = useTexts("frame");
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onAnswer(reason.trim());
    onClose();
  };
  return (
    <dialog ref={dialog} className="ask" aria-labelledby={id} onClose={onClose}>
      <form onSubmit={submit}>
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
        <div className="ask-answers">
          <button type="button" className="button" onClick={onClose}>
            {t("keep")}
          </button>
          <button
            type="submit"
            className={`button is-first${isDanger ? " is-danger" : ""}`}
            disabled={isIncomplete || (needsReason && reason.trim() === "") || (typed !== undefined && name !== typed)}
          >
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
