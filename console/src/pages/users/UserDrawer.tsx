import { type ReactNode, useState } from "react";
import { useObject } from "../../api/live.ts";
import { mayAct, session } from "../../api/session.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Sessions } from "../../parts/credentials/Sessions.tsx";
import { Tokens } from "../../parts/credentials/Tokens.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Drawer, Facts, Tabs } from "../../parts/Drawer.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { ManifestTab } from "../../parts/manifest/ManifestTab.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { useTexts } from "../../texts/index.ts";
import { LoginLink } from "./LoginLink.tsx";
import { MayI } from "./MayI.tsx";
import { PasswordQuestion } from "./PasswordQuestion.tsx";
import { isBuiltIn, type RoleObject, roleNames, rolesOf, type UserObject } from "./people.ts";
import { UserQuestion, type UserWish } from "./UserQuestion.tsx";
import { useRoles } from "./useRoles.ts";

/** One user: what they may and by what, where they are logged in, what works in their name. */
export function UserDrawer({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("users");
  const live = useObject<UserObject>("users", name);
  const { object } = live;
  const roles = useRoles();
  const [tab, setTab] = useParam("tab", "rights");
  const [wish, setWish] = useState<UserWish>();
  const [isLinking, setLinking] = useState(false);
  const [isPassword, setPassword] = useState(false);
  const deeds = useDeed(object);
  const mayManage = mayAct("manage-users");
  const isOwn = name === session.me?.name;
  const maySee = mayManage || isOwn;
  const panels: Readonly<Record<string, () => ReactNode>> = {
    manifest: () => <ManifestTab kind="User" resource="users" namespace="" name={name} />,
    rights: () => object !== undefined && <Rights user={object} roles={roles.roles} />,
    may: () => (isOwn ? <MayI /> : <MayI user={name} />),
    sessions: () => <Sessions user={name} mayEnd={maySee} />,
    tokens: () => <Tokens user={name} mayEnd={maySee} mayMake={maySee && object?.spec.disabled !== true} roles={roleNames(roles.roles)} />,
  };
  const tabs = [
    { id: "rights", title: t("tabs.rights") },
    ...(mayManage ? [{ id: "manifest", title: t("tabs.manifest") }] : []),
    ...(maySee
      ? [
          { id: "may", title: t("tabs.may") },
          { id: "sessions", title: t("tabs.sessions") },
          { id: "tokens", title: t("tabs.tokens") },
        ]
      : []),
  ];
  const shown = tabs.some(({ id }) => id === tab) ? tab : "rights";
  const isDisabled = object?.spec.disabled === true;
  return (
    <Drawer label={t("details", { name })} of={name} onClose={onClose}>
      <PageHead
        level={2}
        title={<bdi>{name}</bdi>}
        kind={object?.spec.displayName ?? ""}
        state={object === undefined ? undefined : { severity: isDisabled ? "off" : "normal", word: isDisabled ? t("disabled") : t("enabled") }}
        isStale={live.isStale}
        actions={
          mayManage &&
          object !== undefined && (
            <>
              {!isDisabled && (
                <button type="button" className="button" onClick={() => setLinking(true)}>
                  {t("link")}
                </button>
              )}
              {!isDisabled && !isOwn && (
                <button type="button" className="button" onClick={() => setPassword(true)}>
                  {t("password")}
                </button>
              )}
              <button type="button" className="button" onClick={() => setWish({ is: "edit", object })}>
                {t("edit")}
              </button>
              <button type="button" className="button" onClick={() => setWish({ is: isDisabled ? "enable" : "disable", object })}>
                {isDisabled ? t("enable") : t("disable")}
              </button>
              <button type="button" className="button is-danger" onClick={() => setWish({ is: "remove", object })}>
                {t("remove")}
              </button>
            </>
          )
        }
      >
        {object === undefined ? (live.isLoading ? "" : t("gone", { name })) : isDisabled ? t("isDisabled") : t("isEnabled")}
      </PageHead>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <Standing live={{ ...live, total: object === undefined && deeds.deed === undefined ? 0 : 1 }} empty={t("gone", { name })}>
        <Tabs label={t("details", { name })} tabs={tabs} current={shown} onChange={(id) => setTab(id)}>
          {panels[shown]?.()}
        </Tabs>
      </Standing>
      {wish !== undefined && <UserQuestion wish={wish} roles={roles} run={deeds.run} onClose={() => setWish(undefined)} />}
      {isPassword && <PasswordQuestion user={name} run={deeds.run} onClose={() => setPassword(false)} />}
      {isLinking && <LoginLink user={name} onClose={() => setLinking(false)} />}
    </Drawer>
  );
}

function Rights({ user, roles }: { readonly user: UserObject; readonly roles: readonly RoleObject[] }) {
  const t = useTexts("users");
  const held = rolesOf(user, roles);
  const { spec, status, metadata } = user;
  const facts: (readonly [string, ReactNode])[] = [
    [t("groups"), spec.groups?.length ? <bdi key="groups">{spec.groups.join(", ")}</bdi> : "–"],
    [t("lastSeen"), status?.lastSeen === undefined ? t("never") : <Age key="seen" at={Date.parse(status.lastSeen)} isAgo />],
    [t("since"), <Age key="since" at={Date.parse(metadata.creationTimestamp)} isAgo />],
    ...(spec.person === undefined ? [] : [[t("person"), spec.person] as const]),
    ...(spec.identities?.length
      ? [[t("identities"), spec.identities.map(({ issuer, subject }) => `${subject} (${issuer})`).join(", ")] as const]
      : []),
  ];
  return (
    <>
      {held.length === 0 ? (
        <p className="note is-warn">{t("noRightsNext")}</p>
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("role")}</th>
              <th scope="col">{t("forObjects")}</th>
              <th scope="col">{t("by")}</th>
            </tr>
          </thead>
          <tbody>
            {held.map(({ role, where, group }) => {
              const isKnown = isBuiltIn(role) || roles.some(({ metadata: one }) => one.name === role);
              return (
                <tr key={`${role} ${where ?? ""} ${group ?? ""}`}>
                  <td>
                    <a {...linkTo(`/users?show=roles&open=${encodeURIComponent(role)}`)}>{role}</a>
                    {!isKnown && <span className="quiet"> · {t("noSuchRole")}</span>}
                    {isBuiltIn(role) && <div className="quiet small">{t(`builtIn.${role}`)}</div>}
                  </td>
                  <td>{where === undefined ? t("wholeSite") : <code>{where}</code>}</td>
                  <td>{group === undefined ? t("given") : <bdi>{t("byGroup", { group })}</bdi>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      <Facts facts={facts} />
      <p>
        <a {...linkTo(`/audit?user=${encodeURIComponent(metadata.name)}`)}>{t("whatTheyDid")}</a>
        {" · "}
        <a {...linkTo(`/audit?object=${encodeURIComponent(`User/${metadata.name}`)}`)}>{t("whatWasDone")}</a>
      </p>
    </>
  );
}
