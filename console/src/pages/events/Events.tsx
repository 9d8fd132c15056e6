import { useMemo } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { linkTo, useParam } from "../../frame/location.ts";
import { pageOf } from "../../frame/object-page.ts";
import { Age, Time } from "../../parts/Age.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { Drawer, Facts } from "../../parts/Drawer.tsx";
import { FacetSelect } from "../../parts/FacetSelect.tsx";
import { ListPage } from "../../parts/ListPage.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts, useWord } from "../../texts/index.ts";

/** What a row holds, in this order. */
const PATHS = [".type", ".reason", ".involvedObject.kind", ".involvedObject.name", ".message", ".count"];
type Cells = readonly [string | null, string | null, string | null, string | null, string | null, number | null];

/** What has happened? Newest first, of the last hour; what is a warning can be seen alone. */
export default function Events() {
  const t = useTexts("events");
  const [type, setType] = useParam("type");
  const [kind, setKind] = useParam("kind");
  const [reason, setReason] = useParam("reason");
  const filter = useMemo(
    () => ({
      ...(type !== "" && { ".type": [type] }),
      ...(kind !== "" && { ".involvedObject.kind": [kind] }),
      ...(reason !== "" && { ".reason": [reason] }),
    }),
    [type, kind, reason],
  );
  return (
    <ListPage
      title={t("title")}
      sentence={t("sentence")}
      searchHint={t("search")}
      resource="events"
      paths={PATHS}
      columns={useColumns()}
      order="-.lastTimestamp"
      hasState={false}
      filter={filter}
      tools={
        <>
          <FacetSelect label={t("type")} resource="events" by=".type" value={type} all={t("allTypes")} onChange={setType} />
          <FacetSelect label={t("kind")} resource="events" by=".involvedObject.kind" value={kind} all={t("allKinds")} onChange={setKind} />
          <FacetSelect label={t("reason")} resource="events" by=".reason" value={reason} all={t("allReasons")} onChange={setReason} />
        </>
      }
      empty={t("empty")}
      nothing={t("nothing")}
      drawer={(open, close) => <EventDrawer name={open} onClose={close} />}
    />
  );
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("events");
  const word = useWord();
  return useMemo(() => {
    const cells = (row: TableRow): Cells => row.cells as unknown as Cells;
    return [
      {
        id: "last",
        title: t("last"),
        width: "92px",
        isNumber: true,
        sortBy: ".lastTimestamp",
        cell: ({ seen }) => (seen === undefined ? "–" : <Age at={Date.parse(seen.at)} />),
      },
      {
        id: "reason",
        title: t("reason"),
        width: "190px",
        sortBy: ".reason",
        cell: ({ row }) => {
          const [type, reason] = cells(row);
          return (
            <span className={`state is-${type === "Warning" ? "minor" : "normal"}`}>
              <Shape severity={type === "Warning" ? "minor" : "normal"} />
              {type === "Warning" && <span className="only-read">{word("Warning")}</span>}
              <span className="state-word clip">{word(reason ?? "")}</span>
            </span>
          );
        },
      },
      {
        id: "object",
        title: t("object"),
        width: "24%",
        sortBy: ".involvedObject.name",
        cell: ({ row }) => {
          const [, , kind, name] = cells(row);
          return (
            <>
              <b className="name">
                <Plain text={name ?? "?"} />
              </b>{" "}
              <span className="quiet small">
                <Plain text={kind ?? ""} />
              </span>
            </>
          );
        },
      },
      {
        id: "message",
        title: t("message"),
        width: "auto",
        isExtra: true,
        cell: ({ row }) => {
          const [, , , , message, count] = cells(row);
          return (
            <>
              {(count ?? 1) > 1 && <b>×{count} </b>}
              <Plain text={message?.slice(0, 400) ?? ""} />
            </>
          );
        },
      },
    ];
  }, [t, word]);
}

interface EventObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly reportingComponent?: string;
  readonly involvedObject?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
  readonly metadata: { readonly creationTimestamp: string };
}

function EventDrawer({ name: key, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useTexts("events");
  const word = useWord();
  const { namespace, name } = splitKey(key);
  const live = useObject<EventObject>("events", name, namespace);
  const { object } = live;
  const about = object?.involvedObject;
  const place = pageOf(about?.kind ?? "", about?.name ?? "", about?.namespace);
  const whole = <Plain text={about === undefined ? "" : `${about.kind ?? ""} ${about.name ?? ""}`} />;
  const what = place === undefined ? whole : <a {...linkTo(place)}>{whole}</a>;
  const first = object?.firstTimestamp ?? object?.eventTime ?? object?.metadata.creationTimestamp ?? "";
  const last = object?.lastTimestamp ?? first;
  return (
    <Drawer label={t("details", { name })} of={key} onClose={onClose}>
      <PageHead
        level={2}
        title={word(object?.reason ?? name)}
        kind={object?.type === "Warning" ? word("Warning") : ""}
        isStale={live.isStale}
        seen={live.rows[0]?.seen}
      />
      <Standing live={live} empty={t("gone")}>
        <div className="tab-panel">
          <p>
            <Plain text={object?.message ?? ""} />
          </p>
          <Facts
            facts={[
              [t("object"), what],
              [t("times"), object?.count ?? 1],
              [t("first"), <Time key="first" at={Date.parse(first)} />],
              [t("last"), <Time key="last" at={Date.parse(last)} />],
              [t("by"), <Plain key="by" text={object?.source?.component ?? object?.reportingComponent ?? "–"} />],
            ]}
          />
        </div>
      </Standing>
    </Drawer>
  );
}
