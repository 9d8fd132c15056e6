import { useEffect, useState } from "react";
import { tryChange } from "../api/objects.ts";
import { ApiError, type ApiRequest } from "../api/request.ts";
import { useTexts } from "../texts/index.ts";

const PAUSE_MS = 300;

interface Told {
  readonly key: string;
  readonly warnings: readonly string[];
  readonly refusal?: string;
}

/** What the API says of a change before it is sent: refused, or with what warnings. Nothing is said of what would simply be done. */
export function Forecast({ request }: { readonly request: ApiRequest | undefined }) {
  const t = useTexts("frame");
  const [told, setTold] = useState<Told>();
  const key = request === undefined ? "" : JSON.stringify(request);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another change is another key
  useEffect(() => {
    if (request === undefined) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      tryChange({ ...request, signal: stop.signal }).then(
        (warnings) => setTold({ key, warnings }),
        (error: unknown) => {
          // Whether it would be refused is not known where nobody has answered.
          if (error instanceof ApiError && error.code >= 400 && error.code < 500) setTold({ key, warnings: [], refusal: error.message });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  if (told === undefined || told.key !== key) return null;
  if (told.refusal !== undefined)
    return (
      <p className="note is-bad" role="alert">
        <b>{t("refused")}</b> {told.refusal}
      </p>
    );
  return told.warnings.map((warning) => (
    <p key={warning} className="note is-warn" role="status">
      <b>{t("wouldBe")}</b> {warning}
    </p>
  ));
}
