import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTexts } from "../texts/index.ts";
import "./ask.css";
import { useModal } from "./useModal.ts";

interface OnceProps {
  readonly title: string;
  /** The secret. It is kept nowhere, and gone with the dialog. */
  readonly value: string;
  readonly children?: ReactNode;
  readonly onClose: () => void;
}

/** Shows what is told this once: a link, a token. */
export function Once({ title, value, children, onClose }: OnceProps) {
  const t = useTexts("frame");
  const dialog = useModal();
  const field = useRef<HTMLTextAreaElement>(null);
  const [isCopied, setCopied] = useState(false);
  const id = useId();
  useEffect(() => {
    field.current?.select();
  }, []);
  const copy = async (): Promise<void> => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      // Over plain HTTP to another machine a browser has no clipboard but this.
      setCopied(document.execCommand("copy"));
    }
  };
  return (
    <dialog ref={dialog} className="ask" aria-labelledby={id} onClose={onClose}>
      <form method="dialog">
        <h2 id={id}>{title}</h2>
        {children}
        <textarea ref={field} className="input mono" rows={3} readOnly spellCheck={false} aria-label={title} value={value} />
        <div className="ask-answers">
          <button type="button" className="button" onClick={() => void copy()}>
            {isCopied ? t("copied") : t("copy")}
          </button>
          <button type="submit" className="button is-first">
            {t("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
