import type { ReactNode } from "react";
import type { LiveView } from "../api/live.ts";
import { useTexts } from "../texts/index.ts";

interface StandingProps {
  readonly live: Pick<LiveView<unknown>, "error" | "isLoading" | "total">;
  /** What would be here. */
  readonly empty: ReactNode;
  /** The command that brings it. */
  readonly command?: string;
  readonly children: ReactNode;
}

/** What stands in place of a list that is loading, empty, forbidden or broken; else the list. */
export function Standing({ live, empty, command, children }: StandingProps) {
  const t = useTexts("frame");
  const { error } = live;
  if (error !== undefined && live.total === 0) {
    const isForbidden = error.code === "api/forbidden";
    return (
      <div className="standing" role="alert">
        <b>{isForbidden ? t("forbidden") : t("failed")}</b>
        <p>{error.message}</p>
        <p className="quiet">{isForbidden ? t("forbiddenNext") : error.retry === "never" ? t("failedNext") : t("failedAgain")}</p>
      </div>
    );
  }
  if (live.isLoading)
    return (
      <p className="standing quiet" aria-busy="true">
        {t("loading")}
      </p>
    );
  if (live.total === 0)
    return (
      <div className="standing">
        <p className="quiet">{empty}</p>
        {command !== undefined && (
          <p>
            <code className="command">{command}</code>
          </p>
        )}
      </div>
    );
  return children;
}
