import { useState } from "react";
import { collectionPath, createObject, deleteObject, objectPath, patchObject } from "../../api/objects.ts";
import type { ApiRequest } from "../../api/request.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { Forecast } from "../../parts/Forecast.tsx";
import { useTexts } from "../../texts/index.ts";
import { isBuiltIn, isName, type RoleObject, wordsOf } from "./people.ts";

export type RoleWish = { readonly is: "add" } | { readonly is: "edit" | "remove"; readonly name: string; readonly object: RoleObject | undefined };

interface RoleQuestionProps {
  readonly wish: RoleWish;
  readonly run: Deeds<RoleObject | undefined>["run"];
  readonly onAdded: (name: string) => void;
  readonly onClose: () => void;
}

/** Beside editing; the order is that of the kind Role. */
const ACTIONS = [
  "update",
  "pause",
  "promote",
  "abort",
  "rollback",
  "scale",
  "start",
  "stop",
  "run-script",
  "forget-gateway",
  "backup",
  "restore",
  "see-secrets",
  "manage-users",
  "escalate",
] as const;
const VERBS = { read: ["get", "list", "watch"], edit: ["*"] } as const;

interface RuleDraft {
  readonly may: keyof typeof VERBS;
  readonly kinds: string;
  readonly labels: string;
}

const nameOf = (name: string) => ({ resource: "roles", namespace: "", name });

/** Asks before a role is made, changed or removed. Of a role that every site has its groups alone can be changed. */
export function RoleQuestion({ wish, run, onAdded, onClose }: RoleQuestionProps) {
  const t = useTexts("users");
  const before = wish.is === "add" ? undefined : wish.object;
  const [typed, setName] = useState("");
  const [description, setDescription] = useState(before?.spec.description ?? "");
  const [actions, setActions] = useState<readonly string[]>(before?.spec.actions ?? []);
  const [rules, setRules] = useState<readonly RuleDraft[]>([{ may: "read", kinds: "*", labels: "" }]);
  const [groups, setGroups] = useState(
    (before?.spec.groups ?? [])
      .filter(({ where }) => where === undefined)
      .map(({ name }) => name)
      .join(", "),
  );
  const name = wish.is === "add" ? typed : wish.name;
  if (wish.is === "remove") {
    const remove = (reason: string): void =>
      run({
        title: t("deeds.removeRole", { name }),
        send: () => deleteObject(nameOf(name), reason),
        isSeen: (seen) => seen === undefined,
        doneText: t("removed"),
      });
    return (
      <Ask title={t("asks.removeRole", { name })} verb={t("verbs.remove")} isDanger typed={name} onAnswer={remove} onClose={onClose}>
        <p className="quiet">{t("effects.removeRole", { name })}</p>
        <Forecast request={{ method: "DELETE", path: objectPath(nameOf(name)) }} />
      </Ask>
    );
  }
  const isFixed = isBuiltIn(name);
  const isWrong = name !== "" && (!isName(name) || (wish.is === "add" && isFixed));
  // Groups that have it for some objects alone stay as they are.
  const scoped = (before?.spec.groups ?? []).filter(({ where }) => where !== undefined);
  const groupList = [
    ...wordsOf(groups)
      .filter((one) => !scoped.some(({ name: known }) => known === one))
      .map((one) => ({ name: one })),
    ...scoped,
  ];
  const spec = {
    groups: groupList,
    ...(!isFixed && { actions }),
    ...(!isFixed && (description.trim() !== "" ? { description: description.trim() } : wish.is === "edit" ? { description: null } : {})),
    ...(wish.is === "add" && {
      rules: rules
        .filter(({ kinds }) => kinds.trim() !== "")
        .map(({ may, kinds, labels }) => ({ verbs: VERBS[may], kinds: wordsOf(kinds), ...(labels.trim() !== "" && { labels: labels.trim() }) })),
      // What is read beside objects: figures and logs.
      paths: [{ verbs: ["get"], paths: ["*"] }],
    }),
  };
  const body = { apiVersion: "orrery.dev/v1", kind: "Role", metadata: { name }, spec };
  const patch = { metadata: { resourceVersion: before?.metadata.resourceVersion }, spec };
  const isNew = before === undefined;
  const request: ApiRequest | undefined =
    name === "" || isWrong
      ? undefined
      : isNew
        ? { method: "POST", path: collectionPath("roles", ""), body }
        : { method: "PATCH", path: objectPath(nameOf(name)), contentType: "application/merge-patch+json", body: patch };
  const answer = (reason: string): void => {
    if (isNew) onAdded(name);
    run({
      title: t(wish.is === "add" ? "deeds.addRole" : "deeds.edit", { name }),
      send: () => (isNew ? createObject("roles", body, reason, "") : patchObject(nameOf(name), patch, reason)),
      isSeen: (seen) =>
        seen !== undefined &&
        JSON.stringify((seen.spec.groups ?? []).map((one) => one.name).sort()) === JSON.stringify(groupList.map((one) => one.name).sort()) &&
        (isFixed || JSON.stringify([...(seen.spec.actions ?? [])].sort()) === JSON.stringify([...actions].sort())),
      doneText: t(wish.is === "add" ? "added" : "changed"),
    });
  };
  const setRule = (at: number, next: RuleDraft | undefined): void => setRules(rules.flatMap((one, index) => (index === at ? (next ?? []) : one)));
  return (
    <Ask
      title={wish.is === "add" ? t("addRole") : t("asks.editRole", { name })}
      verb={wish.is === "add" ? t("addRoleVerb", { name: name === "" ? "…" : name }) : t("verbs.editRole")}
      isIncomplete={name === "" || isWrong}
      onAnswer={answer}
      onClose={onClose}
    >
      {wish.is === "add" && (
        <label className="field">
          <span>{t("roleName")}</span>
          <input
            className="input"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            aria-invalid={isWrong}
            placeholder="flight-safety"
            value={typed}
            onChange={(event) => setName(event.target.value.trim())}
          />
        </label>
      )}
      {isWrong && (
        <p className="note is-bad" role="alert">
          {isFixed ? t("roleTaken") : t("nameWrong")}
        </p>
      )}
      {isFixed && !isWrong ? (
        <p className="quiet">{t("fixedRole")}</p>
      ) : (
        <>
          <label className="field">
            <span>{t("description")}</span>
            <input className="input" maxLength={1000} value={description} onChange={(event) => setDescription(event.target.value)} />
          </label>
          {wish.is === "add" && (
            <fieldset className="grants">
              <legend>{t("rulesHint")}</legend>
              {rules.map((rule, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
                <div key={at} className="rule">
                  <select
                    className="input"
                    aria-label={t("may")}
                    value={rule.may}
                    onChange={(event) => setRule(at, { ...rule, may: event.target.value as RuleDraft["may"] })}
                  >
                    <option value="read">{t("mayRead")}</option>
                    <option value="edit">{t("mayEdit")}</option>
                  </select>
                  <input
                    className="input"
                    aria-label={t("kinds")}
                    spellCheck={false}
                    placeholder="Microservice, Route"
                    value={rule.kinds}
                    onChange={(event) => setRule(at, { ...rule, kinds: event.target.value })}
                  />
                  <input
                    className="input"
                    aria-label={t("forObjects")}
                    spellCheck={false}
                    placeholder={t("wherePlaceholder")}
                    value={rule.labels}
                    onChange={(event) => setRule(at, { ...rule, labels: event.target.value })}
                  />
                  <button type="button" className="button is-bare" aria-label={t("takeRule")} onClick={() => setRule(at, undefined)}>
                    ×
                  </button>
                </div>
              ))}
              <button type="button" className="button is-small" onClick={() => setRules([...rules, { may: "read", kinds: "", labels: "" }])}>
                {t("oneMoreRule")}
              </button>
            </fieldset>
          )}
          <fieldset className="grants">
            <legend>{t("actionsHint")}</legend>
            <div className="action-choice">
              {ACTIONS.map((action) => (
                <label key={action} className="check">
                  <input
                    type="checkbox"
                    checked={actions.includes(action)}
                    onChange={(event) => setActions(event.target.checked ? [...actions, action] : actions.filter((one) => one !== action))}
                  />
                  <code>{action}</code>
                </label>
              ))}
            </div>
          </fieldset>
        </>
      )}
      <label className="field">
        <span>{t("roleGroups")}</span>
        <input className="input" spellCheck={false} value={groups} onChange={(event) => setGroups(event.target.value)} />
      </label>
      <Forecast request={request} />
    </Ask>
  );
}
