import { useRef, useState } from "react";
import { ApiError, send } from "../../api/request.ts";
import { Ask } from "../../parts/Ask.tsx";
import { Once } from "../../parts/Once.tsx";
import { Until } from "../../parts/Until.tsx";
import { useTexts } from "../../texts/index.ts";

interface MadeLink {
  readonly link: string;
  readonly expires: string;
}

/** Makes a link by which `user` logs in once, and shows it once. */
export function LoginLink({ user, onClose }: { readonly user: string; readonly onClose: () => void }) {
  const t = useTexts("users");
  const [made, setMade] = useState<MadeLink>();
  /** The question closes when it is answered, too: then it goes on here. */
  const isAnswered = useRef(false);
  const [isMaking, setMaking] = useState(false);
  const [failure, setFailure] = useState<string>();
  const make = (reason: string): undefined => {
    isAnswered.current = true;
    setMaking(true);
    send<MadeLink>({ method: "POST", path: "/login-links", body: { user }, reason }).then(setMade, (error: unknown) =>
      setFailure(error instanceof ApiError ? error.message : String(error)),
    );
  };
  if (made !== undefined)
    return (
      <Once title={t("linkTitle", { name: user })} value={`${location.origin}/console/#link=${made.link}`} onClose={onClose}>
        <p className="quiet">
          {t("linkOnce")} <Until at={Date.parse(made.expires)} />
        </p>
      </Once>
    );
  if (failure !== undefined)
    return (
      <div className="note is-bad" role="alert">
        {failure}{" "}
        <button type="button" className="button is-bare is-small" onClick={onClose}>
          {t("dismiss")}
        </button>
      </div>
    );
  if (isMaking) return null;
  return (
    <Ask title={t("askLink", { name: user })} verb={t("link")} onAnswer={make} onClose={() => !isAnswered.current && onClose()}>
      <p className="quiet">{t("linkEffect", { name: user })}</p>
    </Ask>
  );
}
