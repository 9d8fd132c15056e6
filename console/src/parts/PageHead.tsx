import { type ReactNode, useState } from "react";
import type { ObjectState, Seen } from "../../../src/face/views/protocol.ts";
import { useNow } from "../api/live.ts";
import { beliefIn } from "../api/staleness.ts";
import { useTexts } from "../texts/index.ts";
import { Age } from "./Age.tsx";
import { withoutEscapes } from "./escapes.ts";
import { State } from "./State.tsx";
import "./page-head.css";

interface PageHeadProps {
  readonly title: ReactNode;
  /** Beside the title: what kind of thing it is. */
  readonly kind?: string;
  readonly state?: ObjectState | undefined;
  /** When it was seen, and by whom. */
  readonly seen?: Seen | undefined;
  /** How often its source says something even if nothing changes; absent: only when it changes. */
  readonly beatMs?: number;
  readonly isStale?: boolean;
  /** What is going on, and what to do: one sentence. */
  readonly children?: ReactNode;
  /** The usual one first. */
  readonly actions?: ReactNode;
  readonly level?: 1 | 2;
}

/** What a page or a drawer is about, how that is, since when, and who has seen it. */
export function PageHead({ title, kind, state, seen, beatMs, isStale = false, children, actions, level = 1 }: PageHeadProps) {
  const Title = level === 1 ? "h1" : "h2";
  return (
    <header className={`page-head${isStale ? " is-stale" : ""}`}>
      <div className="page-title">
        <Title className="clip" tabIndex={-1}>
          {title}
        </Title>
        {kind !== undefined && <span className="quiet small">{kind}</span>}
        {state !== undefined && <State state={state} hasAge />}
        {seen !== undefined && <SeenBy seen={seen} beatMs={beatMs} />}
      </div>
      {actions !== undefined && <div className="page-actions">{actions}</div>}
      {children !== undefined && <Sentence>{children}</Sentence>}
    </header>
  );
}

/** Longer ones are shown in their beginning: what somebody wrote must not push away what can be done. */
const SENTENCE_MAX = 360;

function Sentence({ children }: { readonly children: ReactNode }) {
  const t = useTexts("frame");
  const [isWhole, setWhole] = useState(false);
  if (typeof children !== "string") return <p className="page-sentence">{children}</p>;
  const text = withoutEscapes(children);
  if (text.length <= SENTENCE_MAX) return <p className="page-sentence">{text}</p>;
  return (
    <p className="page-sentence">
      {isWhole ? text : `${text.slice(0, SENTENCE_MAX)}…`}{" "}
      <button type="button" className="link" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? t("less") : t("whole")}
      </button>
    </p>
  );
}

/** Who has seen it, and when; grey and said where that is too long ago to be believed. */
function SeenBy({ seen, beatMs }: { readonly seen: Seen; readonly beatMs: number | undefined }) {
  const t = useTexts("frame");
  const nowMs = useNow();
  const belief = beliefIn({ seenAtMs: Date.parse(seen.at), beatMs, cutAtMs: undefined, nowMs });
  return (
    <span className={`quiet small clip${belief === "live" ? "" : " is-stale"}`}>
      {seen.by === undefined ? t("seen") : t("seenBy", { by: seen.by })} <Age at={Date.parse(seen.at)} isAgo />
      {belief === "stale" && ` · ${t("silent")}`}
    </span>
  );
}
