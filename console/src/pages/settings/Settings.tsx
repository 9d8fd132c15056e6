import { type ReactNode, useState } from "react";
import { useNotice, useObject } from "../../api/live.ts";
import { isUser as isUserOf, session } from "../../api/session.ts";
import { chooseLanguage } from "../../frame/language.ts";
import { useParam } from "../../frame/location.ts";
import { type Theme, theme } from "../../frame/look.ts";
import { Sessions } from "../../parts/credentials/Sessions.tsx";
import { Tokens } from "../../parts/credentials/Tokens.tsx";
import { Tabs } from "../../parts/Drawer.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { currentLanguage, LANGUAGES, useTexts } from "../../texts/index.ts";
import { MayI } from "../users/MayI.tsx";
import { roleNames, rolesOf, type UserObject } from "../users/people.ts";
import { useRoles } from "../users/useRoles.ts";
import { Displays } from "./Displays.tsx";
import { Password } from "./Password.tsx";
import "./settings.css";

const THEMES: readonly Theme[] = ["system", "dark", "light"];

/** What is one's own: how the console looks, what one may, the password, where one is logged in, what works in one's name. */
export default function Settings() {
  const t = useTexts("settings");
  const { me } = session;
  const [tab, setTab] = useParam("tab", "look");
  const { object: user } = useObject<UserObject>("users", me?.name);
  const { roles } = useRoles();
  if (me === undefined) return null;
  // Not by the User, whom somebody with rights for some objects alone may not be shown.
  const isUser = isUserOf(me);
  const isDisplay = me.session?.isDisplay === true;
  const mine = [...new Set((user === undefined ? (me.rules?.roles ?? []) : rolesOf(user, roles)).map(({ role }) => role))];
  const panels: Readonly<Record<string, () => ReactNode>> = {
    look: () => <Look />,
    rights: () => <MayI />,
    password: () => <Password user={me.name} isKnown={isUser} />,
    sessions: () => <Sessions user={me.name} only="people" mayEnd />,
    tokens: () => <Tokens user={me.name} mayEnd mayMake={isUser} roles={mine.length > 0 ? mine : roleNames(roles)} />,
    displays: () => <Displays user={me.name} />,
  };
  // What a display shows is for everybody who passes by.
  const ids = isDisplay ? ["look", "rights"] : Object.keys(panels);
  const shown = ids.includes(tab) ? tab : "look";
  return (
    <div className="page settings">
      <PageHead title={t("title")} kind={me.name}>
        {isDisplay ? t("isDisplay") : t("sentence", { name: me.displayName ?? me.name })}
      </PageHead>
      <Tabs label={t("title")} tabs={ids.map((id) => ({ id, title: t(`tabs.${id}`) }))} current={shown} onChange={(id) => setTab(id)}>
        {panels[shown]?.()}
      </Tabs>
    </div>
  );
}

function Look() {
  const t = useTexts("settings");
  const frame = useTexts("frame");
  const chosen = useNotice(theme);
  const state = useNotice(session);
  const [failure, setFailure] = useState<string>();
  const isKept = state.is === "in" && state.me.language === currentLanguage();
  return (
    <div className="settings-list">
      <div className="setting">
        <span id="setting-language">{frame("language")}</span>
        <span className="choice" role="group" aria-labelledby="setting-language">
          {LANGUAGES.map(({ language, name }) => (
            <button
              key={language}
              type="button"
              lang={language}
              aria-pressed={currentLanguage() === language}
              onClick={() => void chooseLanguage(language).then(setFailure)}
            >
              {name}
            </button>
          ))}
        </span>
      </div>
      <div className="setting">
        <span id="setting-theme">{frame("theme")}</span>
        <span className="choice" role="group" aria-labelledby="setting-theme">
          {THEMES.map((one) => (
            <button key={one} type="button" aria-pressed={chosen === one} onClick={() => theme.set(one)}>
              {frame(`themes.${one}`)}
            </button>
          ))}
        </span>
      </div>
      {failure !== undefined && (
        <p className="note is-warn" role="alert">
          {t("languageNotKept")} {failure}
        </p>
      )}
      <p className="quiet small">{isKept ? t("languageKept") : t("lookKept")}</p>
    </div>
  );
}
