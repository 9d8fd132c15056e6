import type { ReactNode } from "react";
import type { ObjectState } from "../../../../src/face/views/protocol.ts";
import { useObject } from "../../api/live.ts";
import { linkTo } from "../../frame/location.ts";
import { Age, Time } from "../../parts/Age.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Until } from "../../parts/Until.tsx";
import { useTexts } from "../../texts/index.ts";
import { type AlarmObject, offered } from "./alarm.ts";
import { Operate } from "./Operate.tsx";
import { useAlarmWords } from "./words.ts";

/** One alarm: what is seen, what to do and by when, who has said what to it, who was told. */
export function AlarmDrawer({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("alarms");
  const live = useObject<AlarmObject>("alarms", name);
  const { object } = live;
  const deeds = useDeed(object);
  const { status } = object ?? {};
  const { what } = useAlarmWords()(object?.spec.type ?? "");
  const chosen = object === undefined ? [] : [{ name, occurrence: status?.occurrence, severity: status?.severity }];
  return (
    <Drawer label={t("details", { name })} of={name} onClose={onClose}>
      <PageHead
        level={2}
        title={<bdi>{object === undefined ? name : `${object.spec.resource.kind} ${object.spec.resource.name}`}</bdi>}
        state={object === undefined ? undefined : stateOf(object)}
        isStale={live.isStale}
        actions={<Operate chosen={chosen} operations={offered(status?.stands)} deeds={deeds} />}
      >
        {what !== undefined && `${what} `}
        <bdi {...(what !== undefined && { className: "quiet", lang: "en" })}>{status?.text ?? ""}</bdi>
      </PageHead>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <div className="tab-panel">
        <Standing live={{ ...live, total: object === undefined ? 0 : 1 }} empty={t("gone", { name })}>
          {object !== undefined && <Details one={object} />}
        </Standing>
      </div>
    </Drawer>
  );
}

function stateOf({ status }: AlarmObject): ObjectState {
  const { stands = "Pending", severity = "warning", raisedAt } = status ?? {};
  const isRaised = stands === "Unacknowledged" || stands === "Acknowledged";
  const shown = isRaised ? (severity === "critical" || severity === "major" ? severity : "minor") : stands === "Cleared" ? "normal" : "off";
  return { severity: shown, word: stands, ...(raisedAt !== undefined && { since: raisedAt }) };
}

function Details({ one: { metadata, spec, status = {} } }: { readonly one: AlarmObject }) {
  const t = useTexts("alarms");
  const { todo } = useAlarmWords()(spec.type);
  const { operator, shelved, suppressed, flapping } = status;
  const facts: (readonly [string, ReactNode])[] = [
    [t("severity"), t(`severities.${status.severity ?? "warning"}`)],
    [t("type"), <bdi key="type">{`${spec.type}${spec.qualifier === undefined ? "" : ` (${spec.qualifier})`}`}</bdi>],
    ...(status.raisedAt === undefined ? [] : [[t("raised"), <Age key="raised" at={Date.parse(status.raisedAt)} isAgo />] as const]),
    ...(status.clearedAt === undefined ? [] : [[t("cleared"), <Age key="cleared" at={Date.parse(status.clearedAt)} isAgo />] as const]),
    [t("times"), String(status.occurrence ?? 0)],
    ...(status.response === undefined ? [] : [[t("response"), status.response] as const]),
    ...(status.unobservedSince === undefined
      ? []
      : [[t("unobserved"), <Age key="unobserved" at={Date.parse(status.unobservedSince)} isAgo />] as const]),
    ...(flapping === undefined ? [] : [[t("flapping"), t("changes", { count: flapping.changes })] as const]),
    ...(operator?.by === undefined
      ? []
      : [[t(`operators.${operator.state}`), <bdi key="operator">{`${operator.by}: ${operator.message ?? ""}`}</bdi>] as const]),
    ...(shelved === undefined
      ? []
      : [
          [t("shelvedUntil"), <Until key="shelved" at={Date.parse(shelved.until)} />] as const,
          [t("shelvedBy"), <bdi key="by">{`${shelved.by}: ${shelved.message}`}</bdi>] as const,
        ]),
    ...(suppressed === undefined ? [] : [[t("suppressedBy"), <bdi key="suppressed">{suppressed.message}</bdi>] as const]),
  ];
  return (
    <>
      {status.action !== undefined && (
        <section>
          <h3>{t("action")}</h3>
          <p className="note">
            <bdi>{todo ?? status.action}</bdi>
          </p>
        </section>
      )}
      {status.runbook !== undefined && (
        <p>
          <a href={status.runbook} rel="noreferrer noopener" target="_blank">
            {t("runbook")}
          </a>
        </p>
      )}
      <Facts facts={facts} />
      <section>
        <h3>{t("history")}</h3>
        <ul className="events">
          {(status.history ?? []).toReversed().map(({ at, what, by, message }) => (
            <li key={`${at} ${what} ${by ?? ""}`}>
              <Time at={Date.parse(at)} />
              <span>
                <b>{t(`happenings.${what}`, { defaultValue: what })}</b>
                {by !== undefined && (
                  <>
                    {" "}
                    <bdi>{by}</bdi>
                  </>
                )}
                {message !== undefined && (
                  <>
                    : <bdi>{message}</bdi>
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h3>{t("told")}</h3>
        {(status.told ?? []).length === 0 ? (
          <p className="quiet">{t("nobodyTold")}</p>
        ) : (
          <ul className="events">
            {(status.told ?? []).map(({ channel, at, condition, severity }) => (
              <li key={channel}>
                <Time at={Date.parse(at)} />
                <span>
                  <bdi>{channel}</bdi>: {condition === "raised" ? t(`severities.${severity}`) : t("cleared")}
                </span>
              </li>
            ))}
          </ul>
        )}
      </section>
      <p>
        <a {...linkTo(`/audit?object=${encodeURIComponent(`Alarm/${metadata.name}`)}`)}>{t("audit")}</a>
      </p>
    </>
  );
}
