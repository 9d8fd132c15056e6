import { useMemo } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useNow, useView } from "../../api/live.ts";
import { deleteObject } from "../../api/objects.ts";
import { mayAct } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { withoutEscapes } from "../../parts/escapes.ts";
import { Standing } from "../../parts/Standing.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { formatBytes } from "../hosts/use.ts";
import { readInstanceUse } from "./instance-use.ts";
import type { InstanceCells, SeenService } from "./service.ts";

interface InstancesProps {
  readonly live: LiveView<TableRow>;
  readonly namespace: string;
  readonly deeds: Deeds<SeenService>;
}

/** Its running copies: which version, where, since when, and how the last process ended. */
export function Instances({ live, namespace, deeds }: InstancesProps) {
  const t = useTexts("services");
  const keys = useMemo(() => live.rows.map(({ row }) => `${namespace}/${row.name}`), [live.rows, namespace]);
  const use = useView<{ readonly value: unknown }>(keys.length === 0 ? undefined : { of: "topic", topic: "instances", keys, limit: 1_000 });
  const uses = useMemo(() => new Map(use.rows.map((one) => [one.key, one])), [use.rows]);
  return (
    <Standing live={live} empty={t("noInstances")}>
      <table className={`plain-table${live.isStale ? " is-stale" : ""}`}>
        <colgroup>
          <col />
          <col className="is-wide" style={{ width: "78px" }} />
          <col className="is-wide" style={{ width: "9%" }} />
          <col className="is-wide" style={{ width: "46px" }} />
          <col className="is-wide" style={{ width: "66px" }} />
          <col style={{ width: "64px" }} />
          <col className="is-wide" style={{ width: "68px" }} />
          <col style={{ width: "108px" }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">{t("state")}</th>
            <th scope="col" className="is-wide">
              {t("version")}
            </th>
            <th scope="col" className="is-wide">
              {t("host")}
            </th>
            <th scope="col" className="number is-wide">
              CPU
            </th>
            <th scope="col" className="number is-wide">
              {t("memory")}
            </th>
            <th scope="col" className="number">
              {t("runs")}
            </th>
            <th scope="col" className="number is-wide">
              {t("restarts")}
            </th>
            <th scope="col">
              <span className="only-read">{t("actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {live.rows.map((row) => (
            <InstanceRow
              key={row.key}
              row={row}
              namespace={namespace}
              deeds={deeds}
              use={uses.get(`${namespace}/${row.row.name}`)}
              isStale={use.isStale}
            />
          ))}
        </tbody>
      </table>
    </Standing>
  );
}

function InstanceRow({
  row: { row },
  namespace,
  deeds,
  use,
  isStale,
}: {
  readonly row: ViewRow<TableRow>;
  readonly use: ViewRow<{ readonly value: unknown }> | undefined;
  readonly isStale: boolean;
  readonly namespace: string;
  readonly deeds: Deeds<SeenService>;
}) {
  const t = useTexts("services");
  const word = useWord();
  const [, setTab] = useParam("tab", "instances");
  const [, version, host, , , duty, restarts, pid, startedAt, lastExit] = row.cells as unknown as InstanceCells;
  const stop = (): Promise<string | undefined> =>
    deeds.run({
      title: t("deeds.replace", { name: row.name }),
      send: () => deleteObject({ resource: "instances", namespace, name: row.name }, ""),
      isSeen: ({ object, instances }) =>
        !instances.some((one) => (one as TableRow).name === row.name && (one as TableRow).uid === row.uid) &&
        (object?.status?.readyReplicas ?? 0) >= (object?.spec.replicas ?? 0),
      doneText: t("replacedNow"),
    });
  return (
    <>
      <tr>
        <td>
          <State state={row.state} />
          <div className="quiet small clip">
            {t("slotOf", { slot: row.cells[0] ?? "?" })}
            <span className="is-phone">
              {" "}
              · {version ?? "–"} · {host ?? "–"}
            </span>
            {duty !== null && duty !== "active" && ` · ${word(duty)}`}
            {pid !== null && ` · pid ${pid}`}
          </div>
        </td>
        <td className="is-wide">{version ?? "–"}</td>
        <td className="is-wide">{host ?? "–"}</td>
        <Use of={use} uid={row.uid} isStale={isStale} />
        <td className="number">{startedAt === null ? "–" : <Age at={Date.parse(startedAt)} />}</td>
        <td className="number is-wide">{restarts ?? 0}</td>
        <td className="number one-line">
          <button type="button" className="button is-small is-bare" onClick={() => setTab("log")}>
            {t("tabs.log")}
          </button>
          {mayAct("stop") && (
            <button type="button" className="button is-small is-bare" onClick={stop}>
              {t("replace")}
            </button>
          )}
        </td>
      </tr>
      {lastExit !== null && row.state?.severity !== "normal" && (
        <tr>
          <td colSpan={8}>
            <div className="note is-bad">
              {lastExit.signal === undefined ? t("exited", { code: lastExit.code ?? "?" }) : t("killed", { signal: lastExit.signal })}{" "}
              <Age at={Date.parse(lastExit.at)} isAgo />
              {lastExit.lines !== undefined && lastExit.lines.length > 0 && (
                <pre className="last-lines">{lastExit.lines.slice(-6).map(withoutEscapes).join("\n")}</pre>
              )}
            </div>
          </td>
        </tr>
      )}
    </>
  );
}

/** What it takes now, as its agent has measured; of a former instance of the name, or of nobody, nothing is known. */
function Use({
  of,
  uid,
  isStale,
}: {
  readonly of: ViewRow<{ readonly value: unknown }> | undefined;
  readonly uid: string | undefined;
  readonly isStale: boolean;
}) {
  const t = useTexts("services");
  const now = useNow();
  const use = readInstanceUse(of?.row.value, uid);
  const atMs = Date.parse(of?.seen?.at ?? "");
  const isOld = isStale || Number.isNaN(atMs) || now - atMs > USE_BEAT_MS * 3;
  const title =
    use === undefined
      ? t("useUnknown")
      : t("useAt", { files: use.openFiles, processes: use.processes, time: new Date(atMs).toISOString().slice(11, 19) });
  return (
    <>
      <td className={`number is-wide${isOld ? " is-stale" : ""}`} title={title}>
        {use === undefined ? "–" : `${use.cpuPercent}\u2009%`}
      </td>
      <td className={`number is-wide${isOld ? " is-stale" : ""}`} title={title}>
        {use === undefined ? "–" : formatBytes(use.memoryBytes)}
      </td>
    </>
  );
}

/** How often agents tell. */
const USE_BEAT_MS = 5_000;
