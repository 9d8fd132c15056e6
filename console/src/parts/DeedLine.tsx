import { useState } from "react";
import { linkTo } from "../frame/location.ts";
import { useTexts } from "../texts/index.ts";
import { Age } from "./Age.tsx";
import { Ask } from "./Ask.tsx";
import type { Deed } from "./deeds.ts";
import { Shape } from "./State.tsx";

/** What was done here, and what has come of it. */
export function DeedLine({ deed, onDismiss }: { readonly deed: Deed | undefined; readonly onDismiss: () => void }) {
  const t = useTexts("frame");
  const [isBreaking, setBreaking] = useState(false);
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
      {deed.waits !== undefined && (
        <button type="button" className="button is-small is-danger" onClick={() => setBreaking(true)}>
          {t("breakGlass")}
        </button>
      )}
      {isBreaking && deed.waits !== undefined && (
        <Ask
          title={t("breakGlassAsk", { title: deed.title })}
          verb={t("breakGlassVerb")}
          isDanger
          needsReason
          onAnswer={deed.waits.breakGlass}
          onClose={() => setBreaking(false)}
        >
          <p className="quiet">{t("breakGlassEffect", { roles: deed.waits.roles.join(", ") })}</p>
        </Ask>
      )}
      {(deed.is !== "running" || deed.isUnanswered === true) && (
        <button type="button" className="button is-bare is-small" onClick={onDismiss}>
          {t("dismiss")}
        </button>
      )}
    </div>
  );
}
