import type { ReactNode } from "react";
import { linkTo } from "../../frame/location.ts";
import { Age, timeTitle } from "../../parts/Age.tsx";
import { useAnswer } from "../../parts/answers.ts";
import { Changes } from "../../parts/Changes.tsx";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { useTexts } from "../../texts/index.ts";
import { type AuditEntry, changesOf, endingOf, SEVERITY_OF } from "./entry.ts";

interface AuditDrawerProps {
  readonly seq: string;
  /** As the list has it. */
  readonly known: AuditEntry | undefined;
  readonly onClose: () => void;
}

/** One entry, whole: who, by what, from where, why, before and after, and what came of it. */
export function AuditDrawer({ seq, known, onClose }: AuditDrawerProps) {
  const t = useTexts("audit");
  // What is older than the list is asked for by itself.
  const isAsked = known === undefined && /^\d{1,15}$/.test(seq);
  const answer = useAnswer<{ readonly items: readonly AuditEntry[] }>(isAsked ? `/audit?before=${Number(seq) + 1}&limit=1` : undefined, 60_000);
  const entry = known ?? answer.value?.items.find((one) => String(one.seq) === seq);
  return (
    <Drawer label={t("entry", { seq })} of={seq} onClose={onClose}>
      <PageHead
        level={2}
        title={entry?.action ?? t("entry", { seq })}
        kind={t("entry", { seq })}
        state={entry === undefined ? undefined : { severity: SEVERITY_OF[endingOf(entry)], word: t(`endings.${endingOf(entry)}`) }}
      >
        {entry?.reason === undefined ? "" : <bdi>{entry.reason}</bdi>}
      </PageHead>
      <div className="tab-panel">
        <Standing live={{ ...answer, total: entry === undefined ? 0 : 1 }} empty={t("noEntry")}>
          {entry !== undefined && <Details entry={entry} />}
        </Standing>
      </div>
    </Drawer>
  );
}

function Details({ entry }: { readonly entry: AuditEntry }) {
  const t = useTexts("audit");
  const { at, who, from, object, detail, trace, outcome } = entry;
  const changes = changesOf(entry);
  const objectText = object === undefined ? undefined : `${object.kind}/${object.name}`;
  const facts: (readonly [string, ReactNode])[] = [
    [
      t("when"),
      <span key="when" title={timeTitle(Date.parse(at))}>
        {at.replace("T", " ").replace("Z", " UTC")} · <Age at={Date.parse(at)} isAgo />
      </span>,
    ],
    [
      t("who"),
      who === undefined ? (
        t("chain")
      ) : (
        <bdi key="who">{`${who.name} (${t(`via.${who.via}`)}${who.credential === undefined ? "" : ` ${who.credential.slice(0, 8)}`})`}</bdi>
      ),
    ],
    [t("from"), from ?? "–"],
    [t("object"), objectText === undefined ? "–" : <bdi key="object">{objectText}</bdi>],
    [
      t("outcome"),
      outcome === undefined
        ? t(`endings.${endingOf(entry)}`)
        : `${outcome.code === 0 ? "?" : outcome.code}${outcome.message === undefined ? "" : ` ${outcome.message}`}`,
    ],
    ...(trace === undefined ? [] : [[t("trace"), <code key="trace">{trace}</code>] as const]),
    ...Object.entries(detail ?? {}).map(([name, value]) => [name, <bdi key={name}>{String(value)}</bdi>] as const),
  ];
  return (
    <>
      {endingOf(entry) === "unknown" && <p className="note is-warn">{t("unknownNext")}</p>}
      <Facts facts={facts} />
      <section>
        <h3>{t("change")}</h3>
        {changes.length === 0 ? <p className="quiet">{t("noChange")}</p> : <Changes changes={changes} />}
      </section>
      <p>
        {objectText !== undefined && <a {...linkTo(`/audit?object=${encodeURIComponent(objectText)}`)}>{t("allOfObject")}</a>}
        {objectText !== undefined && who !== undefined && " · "}
        {who !== undefined && <a {...linkTo(`/audit?user=${encodeURIComponent(who.name)}`)}>{t("allOfUser", { user: who.name })}</a>}
      </p>
    </>
  );
}
