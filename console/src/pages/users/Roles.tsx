import { useState } from "react";
import { useObject, useView } from "../../api/live.ts";
import { mayAct } from "../../api/session.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { Standing } from "../../parts/Standing.tsx";
import { useTexts } from "../../texts/index.ts";
import { grantText, isBuiltIn, type RoleObject, roleNames, type UserObject } from "./people.ts";
import { RoleQuestion, type RoleWish } from "./RoleQuestion.tsx";
import { useRoles } from "./useRoles.ts";

interface RolesProps {
  readonly wanted: string;
  readonly onWanted: (wanted: string) => void;
}

/** The roles that every site has, and those of this one: what each lets do, and which groups have it. */
export function Roles({ wanted, onWanted }: RolesProps) {
  const t = useTexts("users");
  const live = useRoles();
  const [open, setOpen] = useParam("open");
  const [wish, setWish] = useState<RoleWish>();
  const [looked, setLooked] = useState<string>();
  const { object } = useObject<RoleObject>("roles", looked);
  const deeds = useDeed(object);
  const byName = new Map(live.roles.map((one) => [one.metadata.name, one]));
  const ask = (next: RoleWish): void => {
    setLooked(next.is === "add" ? undefined : next.name);
    setWish(next);
  };
  const asked: RoleWish | undefined = wish ?? (wanted === "role" ? { is: "add" } : undefined);
  return (
    <>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <Standing live={{ ...live, total: 1 }} empty="">
        {live.error !== undefined && <p className="note is-bad">{live.error.message}</p>}
        <div className="page-scroll">
          <table className={`plain-table roles-table${live.isStale ? " is-stale" : ""}`} aria-label={t("shows.roles")}>
            <thead>
              <tr>
                <th scope="col">{t("role")}</th>
                <th scope="col">{t("gives")}</th>
                <th scope="col" className="is-wide-cell">
                  {t("groups")}
                </th>
                <th scope="col">
                  <span className="only-read">{t("actions")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {roleNames(live.roles).map((name) => {
                const role = byName.get(name);
                const groups = (role?.spec.groups ?? []).map((group) => (group.where === undefined ? group.name : `${group.name} (${group.where})`));
                const isOwn = !isBuiltIn(name);
                return (
                  <tr key={name} aria-selected={open === name}>
                    <td>
                      <a {...linkTo(`/users?show=roles&open=${open === name ? "" : encodeURIComponent(name)}`)} aria-expanded={open === name}>
                        <b className="name">{name}</b>
                      </a>
                      {!isOwn && <div className="quiet small">{t("everySite")}</div>}
                    </td>
                    <td>
                      <bdi>{isOwn ? (role?.spec.description ?? "") : t(`builtIn.${name}`)}</bdi>
                      {open === name && role !== undefined && isOwn && <Details role={role} />}
                      {open === name && <Holders role={name} />}
                    </td>
                    <td className="is-wide-cell">{groups.length === 0 ? <span className="quiet">–</span> : <bdi>{groups.join(", ")}</bdi>}</td>
                    <td className="number">
                      {mayAct("manage-users") && role !== undefined && (
                        <>
                          <button
                            type="button"
                            className="button is-small"
                            aria-label={t("asks.editRole", { name })}
                            onClick={() => ask({ is: "edit", name, object: role })}
                          >
                            {t("edit")}
                          </button>{" "}
                          {isOwn && (
                            <button
                              type="button"
                              className="button is-small is-danger"
                              aria-label={t("asks.removeRole", { name })}
                              onClick={() => ask({ is: "remove", name, object: role })}
                            >
                              {t("remove")}
                            </button>
                          )}
                        </>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </Standing>
      {asked !== undefined && (
        <RoleQuestion
          wish={asked}
          roles={live.roles}
          run={deeds.run}
          onAdded={(name) => {
            setLooked(name);
            setOpen(name);
          }}
          onClose={() => {
            setWish(undefined);
            onWanted("");
          }}
        />
      )}
    </>
  );
}

/** What a role of the site's own lets do, line by line. */
function Details({ role: { spec } }: { readonly role: RoleObject }) {
  const t = useTexts("users");
  const lines = [
    ...(spec.rules ?? []).map(({ verbs, kinds, names, labels }) =>
      t("ruleLine", {
        verbs: verbs.join(", "),
        kinds: kinds.join(", "),
        which: [names?.join(", "), labels].filter((one) => one !== undefined).join(" · ") || t("all"),
      }),
    ),
    ...((spec.actions ?? []).length > 0 ? [t("actionLine", { actions: (spec.actions ?? []).join(", ") })] : []),
    ...(spec.paths ?? []).map(({ verbs, paths }) => t("pathLine", { verbs: verbs.join(", "), paths: paths.join(", ") })),
  ];
  return (
    <ul className="small">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

/** Shown of those who have it; the search finds all. */
const HOLDERS_MAX = 50;

/** To whom it was given, beside groups. */
function Holders({ role }: { readonly role: string }) {
  const t = useTexts("users");
  const live = useView<UserObject>({ of: "objects", resource: "users", search: role, limit: 500 });
  if (live.isLoading || live.error !== undefined) return null;
  const given = live.rows.flatMap(({ row }) =>
    (row.spec.roles ?? []).filter((one) => one.role === role).map((grant) => ({ name: row.metadata.name, grant })),
  );
  return (
    <p className="small holders">
      {t("holders")}{" "}
      {given.length === 0 ? (
        <span className="quiet">{t("noHolder")}</span>
      ) : (
        given.slice(0, HOLDERS_MAX).map(({ name, grant }, index) => (
          <span key={`${name} ${grantText(grant)}`}>
            {index > 0 && ", "}
            <a {...linkTo(`/users?open=${encodeURIComponent(name)}`)}>{name}</a>
            {grant.where !== undefined && <span className="quiet"> ({grant.where})</span>}
          </span>
        ))
      )}
      {given.length > HOLDERS_MAX && " …"}
    </p>
  );
}
