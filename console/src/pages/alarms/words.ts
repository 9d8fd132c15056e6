import { useCallback } from "react";
import { currentLanguage, useTexts } from "../../texts/index.ts";

export interface AlarmWords {
  /** What it means, in a language that the centre's own sentences are not in; `undefined`: there is no other word for it. */
  readonly what: string | undefined;
  readonly todo: string | undefined;
}

/** Alarms of rules and checks that come with Orrery have words in each language; the centre's own text, with its figures, stands beside them. */
export function useAlarmWords(): (type: string) => AlarmWords {
  const t = useTexts("reasons");
  return useCallback(
    (type) => {
      if (currentLanguage() === "en") return { what: undefined, todo: undefined };
      const word = (key: string): string | undefined => t(`${key}.${type}`, { defaultValue: "" }) || undefined;
      return { what: word("alarms"), todo: word("alarmActions") };
    },
    [t],
  );
}
