import { useState } from "react";
import { collectionPath, createObject, deleteObject, objectPath, patchObject } from "../../api/objects.ts";
import type { ApiRequest } from "../../api/request.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { Forecast } from "../../parts/Forecast.tsx";
import { useTexts } from "../../texts/index.ts";
import { AdminsLeft } from "./AdminsLeft.tsx";
import { type GroupGrant, GroupRows } from "./GroupRows.tsx";
import { ACTIONS, draftOf, isBuiltIn, isName, type RoleObject, type RuleDraft, ruleOf, wordsOf } from "./people.ts";
import { RuleRows } from "./RuleRows.tsx";

export type RoleWish = { readonly is: "add" } | { readonly is: "edit" | "remove"; readonly name: string; readonly object: RoleObject | undefined };

interface RoleQuestionProps {
  readonly wish: RoleWish;
  readonly roles: readonly RoleObject[];
  readonly run: Deeds<RoleObject | undefined>["run"];
  readonly onAdded: (name: string) => void;
  readonly onClose: () => void;
}

const nameOf = (name: string) => ({ resource: "roles", namespace: "", name });

/** Asks before a role is made, changed or removed. Of a role that every site has its groups alone can be changed. */
export function RoleQuestion({ wish, roles, run, onAdded, onClose }: RoleQuestionProps) {
  const t = useTexts("users");
  const before = wish.is === "add" ? undefined : wish.object;
  const [typed, setName] = useState("");
  const [description, setDescription] = useState(before?.spec.description ?? "");
  const [actions, setActions] = useState<readonly string[]>(before?.spec.actions ?? []);
  const [rules, setRules] = useState<readonly RuleDraft[]>((before?.spec.rules ?? [{ verbs: ["get", "list", "watch"], kinds: ["*"] }]).map(draftOf));
  const [paths, setPaths] = useState(() => pathsText(before?.spec.paths ?? [{ verbs: ["get"], paths: ["*"] }]));
  const [groups, setGroups] = useState<readonly GroupGrant[]>(before?.spec.groups ?? []);
  const name = wish.is === "add" ? typed : wish.name;
  if (wish.is === "remove") {
    const remove = (reason: string): Promise<string | undefined> =>
      run({
        title: t("deeds.removeRole", { name }),
        send: () => deleteObject(nameOf(name), reason),
        isSeen: (seen) => seen === undefined,
        doneText: t("removed"),
      });
    return (
      <Ask title={t("asks.removeRole", { name })} verb={t("verbs.remove")} isDanger typed={name} onAnswer={remove} onClose={onClose}>
        <p className="quiet">{t("effects.removeRole", { name })}</p>
        <AdminsLeft roles={roles} change={{ goneRole: name }} />
        <Forecast request={{ method: "DELETE", path: objectPath(nameOf(name)) }} />
      </Ask>
    );
  }
  const isFixed = isBuiltIn(name);
  const isWrong = name !== "" && (!isName(name) || (wish.is === "add" && isFixed));
  const groupList = groups.filter((group) => group.name.trim() !== "").map((group) => ({ ...group, name: group.name.trim() }));
  const spec = {
    groups: groupList,
    ...(!isFixed && {
      actions,
      rules: rules.flatMap((rule) => ruleOf(rule) ?? []),
      paths: pathsOf(paths),
      ...(description.trim() !== "" ? { description: description.trim() } : wish.is === "edit" ? { description: null } : {}),
    }),
  };
  const wished: Readonly<Record<string, unknown>> = spec;
  const body = { apiVersion: "orrery.dev/v1", kind: "Role", metadata: { name }, spec };
  const patch = { metadata: { resourceVersion: before?.metadata.resourceVersion }, spec };
  const isNew = before === undefined;
  const request: ApiRequest | undefined =
    name === "" || isWrong
      ? undefined
      : isNew
        ? { method: "POST", path: collectionPath("roles", ""), body }
        : { method: "PATCH", path: objectPath(nameOf(name)), contentType: "application/merge-patch+json", body: patch };
  const answer = (reason: string): Promise<string | undefined> =>
    run({
      title: t(wish.is === "add" ? "deeds.addRole" : "deeds.edit", { name }),
      send: async () => {
        await (isNew ? createObject("roles", body, reason, "") : patchObject(nameOf(name), patch, reason));
        if (isNew) onAdded(name);
      },
      isSeen: (seen) =>
        seen !== undefined && SPEC_PARTS.every((part) => (part !== "groups" && isFixed) || isSame(seen.spec[part] ?? [], wished[part] ?? [])),
      doneText: t(wish.is === "add" ? "added" : "changed"),
    });
  const will: RoleObject = { metadata: { name, creationTimestamp: "" }, spec: { ...before?.spec, groups: groupList, ...(!isFixed && { actions }) } };
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
          <RuleRows rules={rules} onChange={setRules} />
          <fieldset className="grants">
            <legend>{t("actionsHint")}</legend>
            <div className="action-choice">
              {["*", ...ACTIONS].map((action) => (
                <label key={action} className="check">
                  <input
                    type="checkbox"
                    checked={actions.includes(action)}
                    onChange={(event) => setActions(event.target.checked ? [...actions, action] : actions.filter((one) => one !== action))}
                  />
                  <code>{action}</code>
                  {action === "*" && <span className="quiet small"> {t("allActions")}</span>}
                </label>
              ))}
            </div>
          </fieldset>
          <label className="field">
            <span>{t("pathsHint")}</span>
            <input className="input" spellCheck={false} autoCapitalize="none" value={paths} onChange={(event) => setPaths(event.target.value)} />
          </label>
        </>
      )}
      <GroupRows groups={groups} onChange={setGroups} />
      {before !== undefined && <AdminsLeft roles={roles} change={{ role: will }} />}
      <Forecast request={request} />
    </Ask>
  );
}

const SPEC_PARTS = ["groups", "actions", "rules", "paths"] as const;

/** Whatever the order of what is listed, and of its fields. */
function isSame(one: unknown, other: unknown): boolean {
  const text = (value: unknown): string =>
    Array.isArray(value)
      ? `[${value.map(text).sort().join()}]`
      : typeof value === "object" && value !== null
        ? `{${Object.entries(value)
            .map(([field, inner]) => `${field}:${text(inner)}`)
            .sort()
            .join()}}`
        : String(value);
  return text(one) === text(other);
}

type PathRules = NonNullable<RoleObject["spec"]["paths"]>;

/** `get *; post /backup`: what is read beside objects, as figures and logs. */
function pathsText(paths: PathRules): string {
  return paths.map((rule) => `${rule.verbs.join(",")} ${rule.paths.join(", ")}`).join("; ");
}

function pathsOf(text: string): PathRules {
  return text.split(/[;；]/).flatMap((line) => {
    const [verbs = "", ...rest] = line.trim().split(/\s+/);
    const paths = wordsOf(rest.join(" "));
    return verbs === "" || paths.length === 0 ? [] : [{ verbs: wordsOf(verbs), paths }];
  });
}
