import { useEffect, useState } from "react";
import { ApiError } from "../../api/request.ts";
import { useTexts } from "../../texts/index.ts";
import { ForecastWords } from "./ForecastWords.tsx";
import { type ForecastAnswer, foresee } from "./forecast.ts";

/** Typing goes on for so long before the centre is asked. */
const PAUSE_MS = 300;

interface Told {
  readonly key: string;
  readonly forecast?: ForecastAnswer;
  readonly refusal?: string;
}

/** What would come of a manifest that is being asked for, told while it is written: what would start, stop, be held and waited for, or why it is refused. */
export function UpdateForecast({ manifest }: { readonly manifest: unknown }) {
  const t = useTexts("frame");
  const [told, setTold] = useState<Told>();
  const key = manifest === undefined ? "" : JSON.stringify(manifest);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another manifest is another key
  useEffect(() => {
    if (manifest === undefined) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      foresee([manifest], stop.signal).then(
        (forecast) => setTold({ key, forecast }),
        (error: unknown) => {
          // Whether it would be refused is not known where nobody has answered.
          if (error instanceof ApiError && error.code >= 400 && error.code < 500) setTold({ key, refusal: error.message });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  if (told === undefined || told.key !== key) return null;
  const refusal = told.refusal ?? told.forecast?.objects.find(({ outcome }) => outcome === "refused")?.refusal?.message;
  if (refusal !== undefined)
    return (
      <p className="note is-bad" role="alert">
        <b>{t("refused")}</b> {refusal}
      </p>
    );
  return told.forecast === undefined ? null : <ForecastWords told={told.forecast} />;
}
