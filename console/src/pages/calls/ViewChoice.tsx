import { useParam } from "../../frame/location.ts";
import { useTexts } from "../../texts/index.ts";

/** Sums of the last minute, or recorded calls. */
export function ViewChoice() {
  const t = useTexts("calls");
  const [view, setView] = useParam("view");
  const present = view === "recorded" ? "recorded" : "sums";
  return (
    <span className="choice" role="group" aria-label={t("view")}>
      {(["sums", "recorded"] as const).map((one) => (
        <button key={one} type="button" aria-pressed={present === one} onClick={() => setView(one === "sums" ? "" : one, { isStep: true })}>
          {t(`views.${one}`)}
        </button>
      ))}
    </span>
  );
}
