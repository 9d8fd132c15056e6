import type { ReactNode } from "react";
import type { ObjectState, Severity } from "../../../src/face/views/protocol.ts";
import { useTexts, useWord } from "../texts/index.ts";
import { Age } from "./Age.tsx";
import "./state.css";

const SHAPES: Readonly<Record<Severity, ReactNode>> = {
  critical: <path className="is-filled" d="M6 .4 11.6 6 6 11.6 .4 6z" />,
  major: <path className="is-filled" d="M6 .9 11.7 11.200H.3z" />,
  minor: <path className="is-filled" d="M1.3 1.300h9.400v9.400H1.300z" />,
  normal: <circle cx="6" cy="6" r="2.9" />,
  changing: (
    <>
      <circle cx="6" cy="6" r="4.7" />
      <path className="is-filled is-bare" d="M6 6V1.300A4.7 4.7 0 0 1 10.7 6z" />
    </>
  ),
  off: <path className="is-thick" d="M1.5 6h9" />,
  unknown: <circle cx="6" cy="6" r="4.6" strokeDasharray="1.7 1.91" />,
};

/** A state's shape in its colour. Never alone: a word stands beside it, or is read out. */
export function Shape({ severity }: { readonly severity: Severity }) {
  return (
    <svg className={`shape is-${severity}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
      {SHAPES[severity]}
    </svg>
  );
}

interface StateProps {
  readonly state: ObjectState | undefined;
  /** Say since when, too. */
  readonly hasAge?: boolean;
}

/** Shape, colour and word; of what nobody has said anything: unknown. */
export function State({ state, hasAge = false }: StateProps) {
  const t = useTexts("frame");
  const word = useWord();
  const { severity, word: text, since, message } = state ?? { severity: "unknown" as const, word: "" };
  return (
    <span className={`state is-${severity}`} title={message}>
      <Shape severity={severity} />
      <span className="state-word clip">{text === "" ? t("unknown") : word(text)}</span>
      {hasAge && since !== undefined && (
        <span className="quiet">
          <Age at={Date.parse(since)} />
        </span>
      )}
    </span>
  );
}
