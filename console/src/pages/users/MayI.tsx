import { type FormEvent, useState } from "react";
import { ApiError, send } from "../../api/request.ts";
import { isUser, type Rules, session } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { useAnswer } from "../../parts/answers.ts";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import "../settings/settings.css";
import { ACTIONS, grantText, VERBS } from "./people.ts";
import "./users.css";

const ASKED = [...VERBS.filter((verb) => verb !== "deletecollection"), ...ACTIONS.filter((action) => action !== "update")];
const REVIEWS = "/apis/authorization.k8s.io/v1";

interface Verdict {
  readonly wish: string;
  readonly allowed: boolean;
  readonly reason: string;
}
interface Review {
  readonly status?: { readonly allowed?: boolean; readonly reason?: string };
}

/** All that somebody may; and of one thing: whether, and why not. `user` absent: oneself. */
export function MayI({ user }: { readonly user?: string }) {
  const t = useTexts("rights");
  const [verb, setVerb] = useParam("verb", "stop");
  const [resource, setResource] = useParam("kind", "microservices");
  const [name, setName] = useParam("named");
  const [verdict, setVerdict] = useState<Verdict>();
  const [failure, setFailure] = useState<string>();
  const told = useAnswer<{ readonly rules: Rules }>(user === undefined ? "/me" : `/users/${encodeURIComponent(user)}/rules`);
  // What one was told at the login may have changed since.
  const rules = told.value?.rules ?? (user === undefined ? session.me?.rules : undefined);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const kind = user === undefined ? "SelfSubjectAccessReview" : "SubjectAccessReview";
    const body = {
      apiVersion: "authorization.k8s.io/v1",
      kind,
      spec: {
        ...(user !== undefined && { user }),
        resourceAttributes: { verb, group: "orrery.dev", resource, namespace: "default", ...(name !== "" && { name }) },
      },
    };
    setVerdict(undefined);
    setFailure(undefined);
    send<Review>({ method: "POST", path: `${REVIEWS}/${kind.toLowerCase()}s`, body }).then(
      ({ status }) =>
        setVerdict({
          wish: `${verb} ${resource}${name === "" ? "" : ` ${name}`}`,
          allowed: status?.allowed === true,
          reason: status?.reason ?? "",
        }),
      (error: unknown) => setFailure(error instanceof ApiError ? error.message : String(error)),
    );
  };
  return (
    <div className="settings-list">
      {rules !== undefined && <HeldRoles rules={rules} user={user} />}
      <form className="settings-form is-row" onSubmit={submit}>
        <label className="field">
          <span>{user === undefined ? t("mayI") : t("mayThey", { user })}</span>
          <select className="input" value={verb} onChange={(event) => setVerb(event.target.value)}>
            {ASKED.map((one) => (
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
          <Shape severity={verdict.allowed ? "normal" : "minor"} /> <b>{verdict.wish}</b>: {verdict.allowed ? t("yes") : t("no")}{" "}
          <span lang="en">{verdict.reason}</span>
        </p>
      )}
      {(failure ?? told.error?.message) !== undefined && (
        <p className="note is-bad" role="alert">
          {failure ?? told.error?.message}
        </p>
      )}
      {rules !== undefined && <RulesTable rules={rules} />}
      {user !== undefined && <p className="quiet small">{t("withoutProvider")}</p>}
    </div>
  );
}

/** By which roles: also for who is not shown their own User, by having roles for some objects alone. */
function HeldRoles({ rules, user }: { readonly rules: Rules; readonly user: string | undefined }) {
  const t = useTexts("rights");
  const { me } = session;
  const held = (rules.roles ?? []).map((one) => `${grantText(one)}${one.group === undefined ? "" : ` · ${one.group}`}`);
  // The tokens of the data folder have rights by their group.
  const groups = user === undefined && me !== undefined && !isUser(me) ? me.groups : [];
  const text = [...new Set([...held, ...groups])].join(", ");
  return (
    <p>
      {user === undefined ? t("rolesAre") : t("theirRolesAre", { user })} <b>{text === "" ? t("noRoles") : <bdi>{text}</bdi>}</b>
    </p>
  );
}

/** Actions and editing, each with the objects for which it holds. */
function RulesTable({ rules }: { readonly rules: Rules }) {
  const t = useTexts("rights");
  const whole = t("wholeSite");
  const allowed = (action: string): readonly string[] => {
    const found = rules.actions.filter(({ actions }) => actions.includes(action) || (actions.includes("*") && action !== "escalate"));
    return found.some(({ where }) => where === undefined) ? [whole] : [...new Set(found.map(({ where = whole }) => where))];
  };
  return (
    <>
      <table className="plain-table rights-table">
        <thead>
          <tr>
            <th scope="col">{t("action")}</th>
            <th scope="col">{t("forObjects")}</th>
          </tr>
        </thead>
        <tbody>
          {ACTIONS.map((action) => {
            const where = allowed(action);
            return (
              <tr key={action} className={where.length === 0 ? "quiet" : undefined}>
                <td>
                  <Shape severity={where.length === 0 ? "off" : "normal"} /> <code>{action}</code>{" "}
                  <span className="small quiet">{t(`actions.${action}`)}</span>
                </td>
                <td>{where.length === 0 ? t("notAllowed") : where.join(" · ")}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <table className="plain-table rights-table">
        <thead>
          <tr>
            <th scope="col">{t("verbs")}</th>
            <th scope="col">{t("kinds")}</th>
            <th scope="col">{t("forObjects")}</th>
          </tr>
        </thead>
        <tbody>
          {rules.resources.map((rule) => (
            <tr key={JSON.stringify(rule)}>
              <td className="mono small">{rule.verbs.join(", ")}</td>
              <td className="mono small">{rule.resources.join(", ")}</td>
              <td>{[rule.names?.join(", "), rule.where].filter((one) => one !== undefined).join(" · ") || whole}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
