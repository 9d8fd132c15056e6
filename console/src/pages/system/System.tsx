import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import type { OverviewRow, PlatformRow, TableRow } from "../../../../src/face/views/protocol.ts";
import { useNow, useView } from "../../api/live.ts";
import { send } from "../../api/request.ts";
import { mayAct } from "../../api/session.ts";
import { linkTo } from "../../frame/location.ts";
import { Age, timeTitle } from "../../parts/Age.tsx";
import { Ask } from "../../parts/Ask.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { Facts } from "../../parts/Drawer.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape, State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { Part } from "../hosts/Part.tsx";
import { formatBytes, readUse } from "../hosts/use.ts";
import { Snmp } from "./Snmp.tsx";
import "./system.css";

interface VersionInfo {
  readonly gitVersion?: string;
  readonly platform?: string;
  readonly goVersion?: string;
  readonly buildDate?: string;
}

/** As `GET /system` tells it. */
interface SystemFacts {
  readonly certificates: readonly {
    readonly name: "authority" | "server";
    readonly file: string;
    readonly ends?: string;
    readonly problem?: string;
  }[];
  readonly backups: { readonly folder: string; readonly last?: { readonly file: string; readonly at: string; readonly bytes: number } };
}

const ASK_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;
/** The server's is made anew at a start when it has less than this left. */
const SOON_DAYS = 30;

/** Is the platform itself well, how old is what it runs on, and what would be left after a fire? */
export default function System() {
  const t = useTexts("system");
  const overview = useView<OverviewRow>({ of: "overview", limit: 1 });
  const platform = useMemo(() => overview.rows.map(({ row }) => row).find((row): row is PlatformRow => row.type === "platform"), [overview.rows]);
  const [facts, again] = useSystemFacts();
  const failing = platform?.checks.filter(({ problem }) => problem !== undefined) ?? [];
  return (
    <div className="page system">
      <PageHead title={t("title")} isStale={overview.isStale}>
        {platform === undefined || platform.checks.length === 0
          ? ""
          : failing.length > 0
            ? t("failing", { count: failing.length })
            : t("well", { count: platform.checks.length })}
      </PageHead>
      <div className="system-parts">
        <section aria-label={t("centre")}>
          <h2>{t("centre")}</h2>
          <Standing live={{ ...overview, total: overview.rows.length }} empty={t("nothingTold")}>
            {platform !== undefined && <Centre platform={platform} />}
          </Standing>
        </section>
        <section aria-label={t("processes")}>
          <h2>{t("processes")}</h2>
          <Processes />
        </section>
        <section aria-label={t("snmp")}>
          <h2>{t("snmp")}</h2>
          <Snmp />
        </section>
        <section aria-label={t("backup")}>
          <h2>{t("backup")}</h2>
          <Backup facts={facts} onMade={again} />
        </section>
        <section aria-label={t("certificates")}>
          <h2>{t("certificates")}</h2>
          <Certificates facts={facts} />
        </section>
      </div>
    </div>
  );
}

function Centre({ platform: { version, checks, consoles } }: { readonly platform: PlatformRow }) {
  const t = useTexts("system");
  const [info, setInfo] = useState<VersionInfo>();
  useEffect(() => {
    const stop = new AbortController();
    send<VersionInfo>({ path: "/version", signal: stop.signal }).then(setInfo, () => undefined);
    return () => stop.abort();
  }, []);
  return (
    <>
      <ul className="checks">
        {checks.map(({ name, problem }) => (
          <li key={name}>
            <Shape severity={problem === undefined ? "normal" : "critical"} />
            <span>
              <b>{name}</b> {problem === undefined ? <span className="quiet">{t("isWell")}</span> : <Plain text={problem} />}
            </span>
          </li>
        ))}
      </ul>
      <Facts
        facts={[
          [t("version"), <Plain key="version" text={version ?? info?.gitVersion ?? "–"} />],
          [t("runsOn"), <Plain key="platform" text={info?.platform ?? "–"} />],
          [t("consoles"), consoles],
        ]}
      />
    </>
  );
}

/** Agents and gateways, each on its host: what they are of, how they are, and the room on their disks. */
function Processes() {
  const t = useTexts("system");
  const hosts = useView<TableRow>({
    of: "objects",
    resource: "hosts",
    columns: [".status.facts.agentVersion"],
    sort: { by: "state" },
    limit: 200,
  });
  const gateways = useView<TableRow>({ of: "objects", resource: "gateways", columns: [".spec.host"], sort: { by: "state" }, limit: 200 });
  const told = useView<{ readonly value: unknown }>({ of: "topic", topic: "hosts", limit: 200 });
  const uses = useMemo(
    () => new Map(told.rows.map(({ key, row, seen }) => [key, { use: readUse(row.value), atMs: Date.parse(seen?.at ?? "") }])),
    [told.rows],
  );
  const row = (kind: string, to: string, { key, row: one, seen }: (typeof hosts.rows)[number], more: ReactNode, disk: ReactNode): ReactNode => (
    <tr key={`${kind} ${key}`}>
      <td>
        <a {...linkTo(to)}>
          <Plain text={one.name} />
        </a>{" "}
        <span className="quiet small">{kind}</span>
      </td>
      <td>
        <State state={one.state} />
      </td>
      <td className="is-wide">{more}</td>
      <td className="number is-wide">{disk}</td>
      <td className="number">
        <Age at={Date.parse(seen?.at ?? "")} />
      </td>
    </tr>
  );
  return (
    <Standing live={{ ...hosts, total: hosts.total + gateways.total }} empty={t("noProcess")}>
      <table className={`plain-table${hosts.isStale ? " is-stale" : ""}`}>
        <thead>
          <tr>
            <th scope="col">{t("process")}</th>
            <th scope="col">{t("state")}</th>
            <th scope="col" className="is-wide">
              {t("version")}
            </th>
            <th scope="col" className="number is-wide">
              {t("disk")}
            </th>
            <th scope="col" className="number">
              {t("seen")}
            </th>
          </tr>
        </thead>
        <tbody>
          {hosts.rows.map((one) => {
            const { use, atMs } = uses.get(one.row.name) ?? {};
            const [fullest] = use?.disks ?? [];
            const disk = (
              <>
                {fullest !== undefined && (
                  <span className="quiet small">{t("freeAt", { free: formatBytes(fullest.availableBytes), mount: fullest.mount })} </span>
                )}
                <Part part={use?.disk} atMs={atMs} />
              </>
            );
            return row(t("agent"), `/hosts?open=${encodeURIComponent(one.row.name)}`, one, <Plain text={String(one.row.cells[0] ?? "–")} />, disk);
          })}
          {gateways.rows.map((one) => row(t("gateway"), `/gateways?open=${encodeURIComponent(one.row.name)}`, one, "–", "–"))}
        </tbody>
      </table>
    </Standing>
  );
}

/** What the centre's machine has beside its objects. `undefined`: not told yet; a text: why it is not told. */
type Told = SystemFacts | string | undefined;

/** Asked for again each minute, and when what is returned second is called. */
function useSystemFacts(): readonly [Told, () => void] {
  const [facts, setFacts] = useState<Told>();
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a round is asked for again, whatever it is.
  useEffect(() => {
    const stop = new AbortController();
    const ask = (): unknown =>
      send<SystemFacts>({ path: "/system", signal: stop.signal }).then(setFacts, (error: unknown) => {
        if (!stop.signal.aborted) setFacts(error instanceof Error ? error.message : String(error));
      });
    ask();
    const timer = setInterval(ask, ASK_EVERY_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [round]);
  return [facts, useCallback(() => setRound((former) => former + 1), [])];
}

/** When the site's own certificates end. */
function Certificates({ facts }: { readonly facts: Told }) {
  const t = useTexts("system");
  const now = useNow();
  if (facts === undefined) return <p className="quiet">{t("asking")}</p>;
  if (typeof facts === "string") return <Plain text={facts} />;
  return (
    <>
      <ul className="checks">
        {facts.certificates.map(({ name, file, ends, problem }) => {
          const days = Math.floor((Date.parse(ends ?? "") - now) / DAY_MS);
          const severity = ends === undefined || days < 0 ? "critical" : days < SOON_DAYS ? "major" : "normal";
          return (
            <li key={name}>
              <Shape severity={severity} />
              <span>
                <b>{t(`certificate.${name}`)}</b>{" "}
                {ends === undefined ? (
                  <Plain text={problem ?? ""} />
                ) : (
                  <span title={timeTitle(Date.parse(ends))}>
                    {t(days < 0 ? "hasEnded" : "ends", { date: ends.slice(0, 10), count: Math.abs(days) })}
                  </span>
                )}
                <br />
                <span className="quiet small">
                  <Plain text={file} />
                </span>
              </span>
            </li>
          );
        })}
      </ul>
      <p className="quiet">{t("certificatesRenew")}</p>
    </>
  );
}

/** Says when the last backup was made, and makes one. */
function Backup({ facts, onMade }: { readonly facts: Told; readonly onMade: () => void }) {
  const t = useTexts("system");
  const last = typeof facts === "object" ? facts.backups.last : undefined;
  const [isAsking, setAsking] = useState(false);
  const [made, setMade] = useState<string>();
  const deeds = useDeed<undefined>(undefined);
  const answer = (reason: string): Promise<string | undefined> =>
    deeds.run({
      title: t("makeBackup"),
      send: async () => {
        setMade(undefined);
        const { file, bytes } = await send<{ readonly file: string; readonly bytes: number }>({ method: "POST", path: "/backup", body: {}, reason });
        setMade(`${file} (${formatBytes(bytes)})`);
        onMade();
      },
      doneText: t("backupMade"),
    });
  return (
    <>
      {typeof facts === "string" && <Plain text={facts} />}
      {typeof facts === "object" && last === undefined && <p>{t("noBackup")}</p>}
      {last !== undefined && (
        <Facts
          facts={[
            [t("lastBackup"), <Age key="age" at={Date.parse(last.at)} isAgo />],
            [t("backupSize"), formatBytes(last.bytes)],
            [t("backupFile"), <Plain key="file" text={last.file} />],
          ]}
        />
      )}
      <p className="quiet">{t("backupKeep")}</p>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      {made !== undefined && (
        <p>
          {t("backupAt")} <code className="command">{made}</code>
        </p>
      )}
      {mayAct("backup") ? (
        <p>
          <button type="button" className="button" disabled={deeds.deed?.is === "running"} onClick={() => setAsking(true)}>
            {t("makeBackup")}
          </button>
        </p>
      ) : (
        <p>
          <code className="command">./orrery backup</code>
        </p>
      )}
      {isAsking && (
        <Ask title={t("askBackup")} verb={t("makeBackup")} onAnswer={answer} onClose={() => setAsking(false)}>
          <p className="quiet">{t("backupEffect")}</p>
        </Ask>
      )}
    </>
  );
}
