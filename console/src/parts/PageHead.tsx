import type { ReactNode } from "react";
import type { ObjectState, Seen } from "../../../src/face/views/protocol.ts";
import { useTexts } from "../texts/index.ts";
import { Age } from "./Age.tsx";
import { State } from "./State.tsx";
import "./page-head.css";

interface PageHeadProps {
  readonly title: ReactNode;
  /** Beside the title: what kind of thing it is. */
  readonly kind?: string;
  readonly state?: ObjectState | undefined;
  /** When it was seen, and by whom. */
  readonly seen?: Seen | undefined;
  readonly isStale?: boolean;
  /** What is going on, and what to do: one sentence. */
  readonly children?: ReactNode;
  /** The usual one first. */
  readonly actions?: ReactNode;
  readonly level?: 1 | 2;
}

/** What a page or a drawer is about, how that is, since when, and who has seen it. */
export function PageHead({ title, kind, state, seen, isStale = false, children, actions, level = 1 }: PageHeadProps) {
  const t = useTexts("frame");
  const Title = level === 1 ? "h1" : "h2";
  return (
    <header className={`page-head${isStale ? " is-stale" : ""}`}>
      <div className="page-title">
        <Title className="clip" tabIndex={-1}>
          {title}
        </Title>
        {kind !== undefined && <span className="quiet small">{kind}</span>}
        {state !== undefined && <State state={state} hasAge />}
        {seen !== undefined && (
          <span className="quiet small clip">
            {seen.by === undefined ? t("seen") : t("seenBy", { by: seen.by })} <Age at={Date.parse(seen.at)} suffix={t("ago")} />
          </span>
        )}
      </div>
      {actions !== undefined && <div className="page-actions">{actions}</div>}
      {children !== undefined && <p className="page-sentence">{children}</p>}
    </header>
  );
}
