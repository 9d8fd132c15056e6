import { useState } from "react";
import { collectionPath, createObject, deleteObject, objectPath, patchObject } from "../../api/objects.ts";
import type { ApiRequest } from "../../api/request.ts";
import { session } from "../../api/session.ts";
import { Ask } from "../../parts/Ask.tsx";
import { useAnswer } from "../../parts/answers.ts";
import type { Deeds } from "../../parts/deeds.ts";
import { Forecast } from "../../parts/Forecast.tsx";
import { useTexts } from "../../texts/index.ts";
import { AdminsLeft } from "./AdminsLeft.tsx";
import { Grants } from "./Grants.tsx";
import { type Grant, isName, type RoleObject, roleNames, type UserObject, wordsOf } from "./people.ts";

export type UserWish = { readonly is: "add" } | { readonly is: "edit" | "disable" | "enable" | "remove"; readonly object: UserObject };

interface UserQuestionProps {
  readonly wish: UserWish;
  readonly roles: { readonly roles: readonly RoleObject[] };
  readonly run: Deeds<UserObject | undefined>["run"];
  /** Whom the page has to look for to see that they are there. */
  readonly onAdded?: (name: string) => void;
  readonly onClose: () => void;
}

const nameOf = (name: string) => ({ resource: "users", namespace: "", name });

/** Asks before somebody is added, gets other rights, is disabled or removed, and says what that will do. */
export function UserQuestion(props: UserQuestionProps) {
  return props.wish.is === "add" || props.wish.is === "edit" ? <RightsQuestion {...props} /> : <StandingQuestion {...props} wish={props.wish} />;
}

function RightsQuestion({ wish, roles, run, onAdded, onClose }: UserQuestionProps) {
  const t = useTexts("users");
  const before = wish.is === "add" ? undefined : wish.object;
  const [typed, setName] = useState("");
  const [displayName, setDisplayName] = useState(before?.spec.displayName ?? "");
  const [groups, setGroups] = useState((before?.spec.groups ?? []).join(", "));
  const [grants, setGrants] = useState<readonly Grant[]>(before?.spec.roles ?? [{ role: "viewer" }]);
  const name = before?.metadata.name ?? typed;
  const spec = {
    displayName: displayName.trim() === "" ? null : displayName.trim(),
    roles: grants.filter(({ role }) => role !== ""),
    groups: wordsOf(groups),
  };
  const { displayName: display, ...rights } = spec;
  const body = {
    apiVersion: "orrery.dev/v1",
    kind: "User",
    metadata: { name },
    spec: { ...rights, ...(display !== null && { displayName: display }) },
  };
  // What somebody else has changed meanwhile is not overwritten: lists are replaced as a whole.
  const patch = { metadata: { resourceVersion: before?.metadata.resourceVersion }, spec };
  const isWrong = name !== "" && !isName(name);
  const isSame =
    before !== undefined &&
    JSON.stringify([before.spec.displayName ?? null, before.spec.roles ?? [], before.spec.groups ?? []]) ===
      JSON.stringify([spec.displayName, spec.roles, spec.groups]);
  const isIncomplete = name === "" || isWrong || isSame;
  const request: ApiRequest | undefined = isIncomplete
    ? undefined
    : before === undefined
      ? { method: "POST", path: collectionPath("users", ""), body }
      : { method: "PATCH", path: objectPath(nameOf(name)), contentType: "application/merge-patch+json", body: patch };
  const answer = (reason: string): Promise<string | undefined> => {
    if (before === undefined) {
      return run({
        title: t("deeds.add", { name }),
        send: async () => {
          await createObject("users", body, reason, "");
          onAdded?.(name);
        },
        isSeen: (seen) => seen?.metadata.name === name,
        doneText: t("added"),
      });
    }
    return run({
      title: t("deeds.edit", { name }),
      send: () => patchObject(nameOf(name), patch, reason),
      isSeen: (seen) =>
        JSON.stringify([seen?.spec.displayName ?? null, seen?.spec.roles ?? [], seen?.spec.groups ?? []]) ===
        JSON.stringify([spec.displayName, spec.roles, spec.groups]),
      doneText: t("changed"),
    });
  };
  return (
    <Ask
      title={before === undefined ? t("addUser") : t("asks.edit", { name })}
      verb={before === undefined ? t("addVerb", { name: name === "" ? "…" : name }) : t("verbs.edit")}
      isIncomplete={isIncomplete}
      onAnswer={answer}
      onClose={onClose}
    >
      {before === undefined && (
        <label className="field">
          <span>{t("userName")}</span>
          <input
            className="input"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            aria-invalid={isWrong}
            placeholder="w.huang"
            value={typed}
            onChange={(event) => setName(event.target.value.trim())}
          />
        </label>
      )}
      {isWrong && (
        <p className="note is-bad" role="alert">
          {t("nameWrong")}
        </p>
      )}
      <label className="field">
        <span>{t("displayName")}</span>
        <input className="input" maxLength={200} value={displayName} onChange={(event) => setDisplayName(event.target.value)} />
      </label>
      <Grants grants={grants} roles={roleNames(roles.roles)} onChange={setGrants} />
      <label className="field">
        <span>{t("groupsHint")}</span>
        <input className="input" spellCheck={false} value={groups} onChange={(event) => setGroups(event.target.value)} />
      </label>
      {spec.roles.length === 0 && spec.groups.length === 0 && <p className="note is-warn">{t("noRightsNext")}</p>}
      {before !== undefined && (
        <AdminsLeft
          roles={roles.roles}
          change={{ user: { metadata: before.metadata, spec: { ...before.spec, roles: spec.roles, groups: spec.groups } } }}
        />
      )}
      {before?.metadata.name === session.me?.name && before !== undefined && !isSame && <p className="note is-warn">{t("isYou")}</p>}
      <Forecast request={request} />
    </Ask>
  );
}

function StandingQuestion({ wish, roles, run, onClose }: UserQuestionProps & { readonly wish: Exclude<UserWish, { readonly is: "add" }> }) {
  const t = useTexts("users");
  const { is, object } = wish;
  const { name } = object.metadata;
  const whose = `?user=${encodeURIComponent(name)}`;
  const sessions = useAnswer<{ readonly items: readonly unknown[] }>(`/sessions${whose}`);
  const tokens = useAnswer<{ readonly items: readonly unknown[] }>(`/tokens${whose}`);
  const patch = { spec: { disabled: is === "disable" } };
  const path = objectPath(nameOf(name));
  const request: ApiRequest =
    is === "remove" ? { method: "DELETE", path } : { method: "PATCH", path, contentType: "application/merge-patch+json", body: patch };
  const answer = (reason: string): Promise<string | undefined> => {
    const title = t(`deeds.${is}`, { name });
    if (is === "remove")
      return run({ title, send: () => deleteObject(nameOf(name), reason), isSeen: (seen) => seen === undefined, doneText: t("removed") });
    return run({
      title,
      send: () => patchObject(nameOf(name), patch, reason),
      isSeen: (seen) => (seen?.spec.disabled ?? false) === (is === "disable"),
      doneText: is === "disable" ? t("disabledNow") : t("enabledNow"),
    });
  };
  const count = (list: readonly unknown[] | undefined): string => (list === undefined ? "?" : String(list.length));
  return (
    <Ask
      title={t(`asks.${is}`, { name })}
      verb={t(`verbs.${is}`)}
      isDanger={is !== "enable"}
      {...(is === "remove" && { typed: name })}
      onAnswer={answer}
      onClose={onClose}
    >
      <p className="quiet">{t(`effects.${is}`, { name })}</p>
      {is !== "enable" && <p>{t("ends", { sessions: count(sessions.value?.items), tokens: count(tokens.value?.items) })}</p>}
      {is !== "enable" && <AdminsLeft roles={roles.roles} change={{ gone: name }} />}
      {name === session.me?.name && is !== "enable" && <p className="note is-warn">{t("isYou")}</p>}
      <Forecast request={request} />
    </Ask>
  );
}
