import type { ReactNode } from "react";
import type { LiveView } from "../api/live.ts";
import { reachOf } from "../api/reach.ts";
import { session } from "../api/session.ts";
import { useTexts } from "../texts/index.ts";

interface StandingProps {
  readonly live: Pick<LiveView<unknown>, "error" | "isLoading" | "total">;
  /** What would be here. */
  readonly empty: ReactNode;
  /** The command that brings it. */
  readonly command?: string;
  /** Of what it is a list; absent: of objects of any kind; null: rights take nothing out of it. */
  readonly resource?: string | null;
  readonly children: ReactNode;
}

/** What stands in place of a list that is loading, empty, forbidden or broken; else the list. To who sees a part it never says that nothing is there. */
export function Standing({ live, empty, command, resource, children }: StandingProps) {
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
  if (live.total === 0) {
    const reach = resource === null ? undefined : reachOf(session.me?.rules, resource);
    if (reach !== undefined && !reach.isWhole)
      return (
        <div className="standing">
          <p>{t("nothingSeen")}</p>
          <p className="quiet">{reach.parts.length === 0 ? t("seesNone") : t("seesPart", { parts: reach.parts.join(" · ") })}</p>
        </div>
      );
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
  }
  return children;
}
