import { useCallback } from "react";
import { useTexts } from "../../texts/index.ts";
import type { CallPart } from "./calls.ts";

/** What a part of a call is called: who calls from outside, and who nobody knows, have no name of their own. */
export function usePartName(): (part: CallPart, value: string) => string {
  const t = useTexts("calls");
  return useCallback(
    (part, value) => {
      if (value === "?") return t("unknown");
      if (part === "caller" && value.startsWith("resource/")) return t("probeOf", { name: value.slice("resource/".length) });
      if (part === "caller" && value.startsWith("job/")) return t("jobOf", { name: value.slice("job/".length) });
      if (value !== "") return value;
      return part === "caller" ? t("outside") : t("none");
    },
    [t],
  );
}

/** What a caller of a recorded call is called; hidden: somebody that one may not see. */
export function useCallerName(): (caller: string) => string {
  const t = useTexts("calls");
  const nameOf = usePartName();
  return useCallback((caller) => (caller === "(hidden)" ? t("hidden") : nameOf("caller", caller)), [t, nameOf]);
}
