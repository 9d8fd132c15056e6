import { type ReactNode, useMemo, useState } from "react";
import type { ObjectState } from "../../../../src/face/views/protocol.ts";
import { useNow, useObject } from "../../api/live.ts";
import { send } from "../../api/request.ts";
import { session } from "../../api/session.ts";
import { linkTo } from "../../frame/location.ts";
import { Age, Time } from "../../parts/Age.tsx";
import { Ask } from "../../parts/Ask.tsx";
import { Changes } from "../../parts/Changes.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Until } from "../../parts/Until.tsx";
import { useTexts } from "../../texts/index.ts";
import { rolesOf, type UserObject } from "../users/people.ts";
import { useRoles } from "../users/useRoles.ts";
import { type ApprovalObject, type DecisionDeed, isThere, offered, openNeeds, phaseOf, type Reader, wordsOfWay } from "./approval.ts";
import { WholeCall } from "./WholeCall.tsx";

/** One thing that was asked for: what exactly would change, who wants it and why, who has decided what. */
export function ApprovalDrawer({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("approvals");
  const live = useObject<ApprovalObject>("approvals", name);
  const { object } = live;
  const now = useNow();
  const me = useReader();
  const deeds = useDeed(object);
  const [deed, setDeed] = useState<DecisionDeed>();
  const phase = object === undefined ? undefined : phaseOf(object, now);
  const what =
    object === undefined ? name : `${object.spec.call ?? object.spec.actions.join(", ")} · ${object.spec.object.kind} ${object.spec.object.name}`;
  const decide = (which: DecisionDeed, reason: string): Promise<string | undefined> =>
    deeds.run({
      title: t(`deeds.${which}`, { name }),
      send: () => send({ method: "POST", path: `/approvals/${encodeURIComponent(name)}/${which}`, body: reason === "" ? {} : { reason }, reason }),
      isSeen: (seen) => isThere(seen, which, me.name),
      doneText: t(`done.${which}`),
    });
  return (
    <Drawer label={t("details", { name })} of={name} onClose={onClose}>
      <PageHead
        level={2}
        title={<bdi>{what}</bdi>}
        state={phase === undefined ? undefined : stateOf(phase)}
        isStale={live.isStale}
        actions={
          object !== undefined &&
          offered(object, me, now).map((which, index) => (
            <button
              key={which}
              type="button"
              className={`button${index === 0 && which !== "refuse" ? " is-first" : ""}`}
              onClick={() => setDeed(which)}
            >
              {t(`verbs.${which}`)}
            </button>
          ))
        }
      >
        {object === undefined || phase === undefined
          ? ""
          : t(`sentences.${phase}`, { roles: openNeeds(object).join(", "), by: object.spec.by.name, defaultValue: "" })}
      </PageHead>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <div className="tab-panel">
        <Standing live={{ ...live, total: object === undefined ? 0 : 1 }} empty={t("gone", { name })}>
          {object !== undefined && <Details one={object} />}
        </Standing>
      </div>
      {deed !== undefined && object !== undefined && (
        <Ask
          title={t(`asks.${deed}`, { what })}
          verb={t(`verbs.${deed}`)}
          isDanger={deed === "refuse"}
          onAnswer={(reason) => decide(deed, reason)}
          onClose={() => setDeed(undefined)}
        >
          <p className="quiet">{t(`effects.${deed}`)}</p>
          {deed === "approve" && object.spec.changes !== undefined && object.spec.changes.length > 0 && <Changes changes={object.spec.changes} />}
        </Ask>
      )}
    </Drawer>
  );
}

function stateOf(phase: string): ObjectState {
  const severity = { Waiting: "changing", Approved: "changing", Done: "normal", Failed: "major", BrokenGlass: "major" } as const;
  return { severity: severity[phase as keyof typeof severity] ?? "off", word: phase };
}

/** Who looks, and with which roles; where that is not known, as of the machine's admin, the API decides. */
function useReader(): Reader {
  const name = session.me?.name ?? "";
  const { object } = useObject<UserObject>("users", name === "" ? undefined : name);
  const { roles } = useRoles();
  return useMemo(
    () => (object === undefined ? { name } : { name, roles: new Set(rolesOf(object, roles).map(({ role }) => role)) }),
    [name, object, roles],
  );
}

function Details({ one }: { readonly one: ApprovalObject }) {
  const t = useTexts("approvals");
  const { spec, status, metadata } = one;
  const way = wordsOfWay(spec.how);
  const isOpen = status?.phase === "Waiting" || status?.phase === "Approved";
  const facts: (readonly [string, ReactNode])[] = [
    [t("by"), <bdi key="by">{spec.by.name}</bdi>],
    [t("age"), <Age key="age" at={Date.parse(metadata.creationTimestamp)} isAgo />],
    ...(way.length === 0 ? [] : [[t("way"), way.map(([key, values]) => t(`ways.${key}`, values)).join("; ")] as const]),
    [t("needs"), spec.needs.map(({ role }) => role).join(" + ")],
    ...(isOpen ? [[t("until"), <Until key="until" at={Date.parse(spec.until)} />] as const] : []),
    ...(status?.message === undefined ? [] : [[t("outcome"), status.message] as const]),
  ];
  const steps = [
    ...(status?.decisions ?? []).map(({ verdict, ...look }) => ({ ...look, is: verdict })),
    ...(status?.withdrawn === undefined ? [] : [{ ...status.withdrawn, is: "withdrawn" }]),
    ...(status?.reviewed === undefined ? [] : [{ ...status.reviewed, is: "reviewed" }]),
  ] as readonly {
    readonly by: { readonly name: string };
    readonly at: string;
    readonly reason?: string;
    readonly role?: string;
    readonly is: string;
  }[];
  return (
    <>
      {spec.reason !== undefined && (
        <p className="note">
          <bdi>{spec.reason}</bdi>
        </p>
      )}
      <Facts facts={facts} />
      <section>
        <h3>{t("change")}</h3>
        {spec.changes === undefined || spec.changes.length === 0 ? (
          spec.call === undefined ? (
            <p className="quiet">{t("noChange")}</p>
          ) : (
            <WholeCall name={metadata.name} told={spec.call} />
          )
        ) : (
          <Changes changes={spec.changes} />
        )}
      </section>
      <section>
        <h3>{t("decisions")}</h3>
        {steps.length === 0 ? (
          <p className="quiet">{t("noDecision")}</p>
        ) : (
          <ul className="events">
            {steps.map(({ by, at, reason, role, is }) => (
              <li key={`${at} ${by.name}`}>
                <Time at={Date.parse(at)} />
                <span>
                  <b>
                    <bdi>{by.name}</bdi>
                  </b>{" "}
                  {t(`steps.${is}`)}
                  {role !== undefined && ` (${role})`}
                  {reason !== undefined && (
                    <>
                      : <bdi>{reason}</bdi>
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
        )}
      </section>
      <p>
        <a {...linkTo(`/audit?object=${encodeURIComponent(`${spec.object.kind}/${spec.object.name}`)}`)}>{t("history")}</a>
      </p>
    </>
  );
}
