import { linkTo } from "../frame/location.ts";
import { useTexts } from "../texts/index.ts";
import { Age } from "./Age.tsx";
import type { Deed } from "./deeds.ts";
import { Shape } from "./State.tsx";

/** What was done here, and what has come of it. */
export function DeedLine({ deed, onDismiss }: { readonly deed: Deed | undefined; readonly onDismiss: () => void }) {
  const t = useTexts("frame");
  if (deed === undefined) return null;
  return (
    <div className={`deed is-${deed.is}`} role={deed.is === "failed" ? "alert" : "status"}>
      <Shape severity={deed.is === "running" || deed.is === "waits" ? "changing" : deed.is === "done" ? "normal" : "critical"} />
      <span>
        <b>{deed.title}</b>
        {deed.outcome !== undefined && <>: {deed.outcome}</>}
        {deed.is === "running" && deed.isUnanswered === true && <>: {t("unanswered")}</>}
        {deed.waits !== undefined && (
          <>
            {": "}
            <a {...linkTo(`/approvals?open=${encodeURIComponent(deed.waits.approval)}`)}>
              {t("waitsForOthers", { roles: deed.waits.roles.join(", ") })}
            </a>
          </>
        )}
        {deed.is === "running" && (
          <span className="quiet">
            {" "}
            <Age at={deed.sinceMs} />
          </span>
        )}
      </span>
      {(deed.is !== "running" || deed.isUnanswered === true) && (
        <button type="button" className="button is-bare is-small" onClick={onDismiss}>
          {t("dismiss")}
        </button>
      )}
    </div>
  );
}
