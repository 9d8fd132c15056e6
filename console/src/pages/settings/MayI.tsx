import { type FormEvent, useState } from "react";
import { ApiError, send } from "../../api/request.ts";
import { session } from "../../api/session.ts";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { grantText, type RoleObject, rolesOf, type UserObject } from "../users/people.ts";

const VERBS = [
  "get",
  "create",
  "update",
  "delete",
  "scale",
  "start",
  "stop",
  "pause",
  "promote",
  "abort",
  "rollback",
  "run-script",
  "see-secrets",
  "manage-users",
] as const;

interface Verdict {
  readonly wish: string;
  readonly allowed: boolean;
  readonly reason: string;
}
interface Review {
  readonly status?: { readonly allowed?: boolean; readonly reason?: string };
}

/** What one may, by which roles; and of one thing: whether, and why not. */
export function MayI({ user, roles }: { readonly user: UserObject | undefined; readonly roles: readonly RoleObject[] }) {
  const t = useTexts("settings");
  const [verb, setVerb] = useState<string>("stop");
  const [resource, setResource] = useState("microservices");
  const [name, setName] = useState("");
  const [verdict, setVerdict] = useState<Verdict>();
  const [failure, setFailure] = useState<string>();
  const { me } = session;
  const actions = [
    ...new Set(me?.rules?.actions.flatMap((rule) => rule.actions.map((action) => (rule.where === undefined ? action : `${action} (${rule.where})`)))),
  ];
  const held = user === undefined ? [] : rolesOf(user, roles);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wish = `${verb} ${resource}${name === "" ? "" : ` ${name}`}`;
    const body = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb, group: "orrery.dev", resource, namespace: "default", ...(name !== "" && { name }) } },
    };
    setVerdict(undefined);
    setFailure(undefined);
    send<Review>({ method: "POST", path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body }).then(
      ({ status }) => setVerdict({ wish, allowed: status?.allowed === true, reason: status?.reason ?? "" }),
      (error: unknown) => setFailure(error instanceof ApiError ? error.message : String(error)),
    );
  };
  return (
    <div className="settings-list">
      <p>
        {t("rolesAre")}{" "}
        <b>
          {held.length === 0
            ? (me?.groups.join(", ") ?? "–")
            : held.map((one) => `${grantText(one)}${one.group === undefined ? "" : ` · ${one.group}`}`).join(", ")}
        </b>
      </p>
      <p>
        {t("actionsAre")} {actions.length === 0 ? <span className="quiet">{t("noActions")}</span> : <code>{actions.join(", ")}</code>}
      </p>
      <form className="settings-form is-row" onSubmit={submit}>
        <label className="field">
          <span>{t("mayI")}</span>
          <select className="input" value={verb} onChange={(event) => setVerb(event.target.value)}>
            {VERBS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>{t("resource")}</span>
          <input
            className="input"
            required
            spellCheck={false}
            autoCapitalize="none"
            value={resource}
            onChange={(event) => setResource(event.target.value.trim())}
          />
        </label>
        <label className="field">
          <span>{t("objectName")}</span>
          <input
            className="input"
            spellCheck={false}
            autoCapitalize="none"
            placeholder={t("any")}
            value={name}
            onChange={(event) => setName(event.target.value.trim())}
          />
        </label>
        <button type="submit" className="button">
          {t("askIt")}
        </button>
      </form>
      {verdict !== undefined && (
        <p className="note" role="status">
          <Shape severity={verdict.allowed ? "normal" : "minor"} /> <b>{verdict.wish}</b>: {verdict.allowed ? t("yes") : t("no")} {verdict.reason}
        </p>
      )}
      {failure !== undefined && (
        <p className="note is-bad" role="alert">
          {failure}
        </p>
      )}
    </div>
  );
}
