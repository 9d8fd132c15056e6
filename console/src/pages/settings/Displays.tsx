import { type FormEvent, useState } from "react";
import { send } from "../../api/request.ts";
import { Sessions } from "../../parts/credentials/Sessions.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { Once } from "../../parts/Once.tsx";
import { Until } from "../../parts/Until.tsx";
import { useTexts } from "../../texts/index.ts";

interface MadeLink {
  readonly link: string;
  readonly expires: string;
}
const LIFETIMES = ["24h", "168h", "720h", "8760h"] as const;

/** Walls that show this site in one's name: they read alone, and go on without anybody at them. */
export function Displays({ user }: { readonly user: string }) {
  const t = useTexts("settings");
  const [label, setLabel] = useState("");
  const [lifetime, setLifetime] = useState<string>("720h");
  const [made, setMade] = useState<MadeLink>();
  const deeds = useDeed(made);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const body = { display: { lifetime, ...(label.trim() !== "" && { label: label.trim() }) } };
    void deeds.run({
      title: t("displayDeed"),
      send: async () => setMade(await send<MadeLink>({ method: "POST", path: "/login-links", body })),
      doneText: t("displayMade"),
    });
  };
  return (
    <>
      <form className="settings-form is-row" onSubmit={submit}>
        <label className="field">
          <span>{t("displayLabel")}</span>
          <input className="input" maxLength={200} placeholder={t("displayHint")} value={label} onChange={(event) => setLabel(event.target.value)} />
        </label>
        <label className="field">
          <span>{t("displayLives")}</span>
          <select className="input" value={lifetime} onChange={(event) => setLifetime(event.target.value)}>
            {LIFETIMES.map((one) => (
              <option key={one} value={one}>
                {t(`lifetimes.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" className="button is-first">
          {t("displayDeed")}
        </button>
      </form>
      <p className="quiet small">{t("displayEffect")}</p>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <Sessions user={user} only="displays" mayEnd />
      {made !== undefined && (
        <Once title={t("displayLink")} value={`${location.origin}/console/?wall=0#link=${made.link}`} onClose={() => setMade(undefined)}>
          <p className="quiet">
            {t("displayOnce")} <Until at={Date.parse(made.expires)} />
          </p>
        </Once>
      )}
    </>
  );
}
