import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { mayGet } from "../../api/rights.ts";
import { Time } from "../../parts/Age.tsx";
import { useAnswer } from "../../parts/answers.ts";
import { Facts } from "../../parts/Drawer.tsx";
import { Plain } from "../../parts/Plain.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";

interface Trap {
  readonly at: string;
  readonly from: string;
  readonly agent?: string;
  readonly oid: string;
  readonly by: string;
  readonly varbinds: readonly { readonly value: string | number }[];
}

/** What became of all that came; `received` is the sum of the others but `unruled`. */
interface Figures {
  readonly received: number;
  readonly taken: number;
  readonly unruled: number;
  readonly shed: number;
  readonly refused: number;
  readonly malformed: number;
  readonly lost: number;
  readonly droppedByKernel?: number;
}

const ASK_EVERY_MS = 10_000;
const TRAPS_SHOWN = 15;
const SHOWN = ["received", "taken", "unruled", "shed", "refused", "malformed", "lost", "droppedByKernel"] as const;
/** Those of SNMPv2-MIB and IF-MIB; others are shown by their numbers. */
const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  ["coldStart", "warmStart", "linkDown", "linkUp", "authenticationFailure", "egpNeighborLoss"].map((name, index) => [
    `1.3.6.1.6.3.1.1.5.${index + 1}`,
    name,
  ]),
);

/** Where the site is asked and told by SNMP, and what devices have told last. */
export function Snmp() {
  const t = useTexts("system");
  const frame = useTexts("frame");
  const receivers = useView<TableRow>({ of: "objects", resource: "snmpreceivers", columns: [".status.endpoint"], limit: 5 });
  const agents = useView<TableRow>({ of: "objects", resource: "snmpagents", columns: [".status.endpoint"], sort: { by: "state" }, limit: 200 });
  const maySee = mayGet("/snmp/traps") && mayGet("/snmp/trap-figures");
  const { value: figures } = useAnswer<Figures>(maySee ? "/snmp/trap-figures" : undefined, ASK_EVERY_MS);
  const traps = useAnswer<{ readonly items: readonly Trap[] }>(maySee ? `/snmp/traps?limit=${TRAPS_SHOWN}` : undefined, ASK_EVERY_MS);
  const row = (kind: string, key: string, one: TableRow) => (
    <tr key={`${kind} ${key}`}>
      <td>
        <Plain text={one.name} /> <span className="quiet small">{kind}</span>
      </td>
      <td>
        <State state={one.state} />
      </td>
      <td className="mono">{String(one.cells[0] ?? "–")}</td>
    </tr>
  );
  return (
    <>
      <Standing live={{ ...agents, total: agents.total + receivers.total }} empty={t("noSnmp")}>
        <table className={`plain-table${agents.isStale ? " is-stale" : ""}`}>
          <thead>
            <tr>
              <th scope="col">{t("process")}</th>
              <th scope="col">{t("state")}</th>
              <th scope="col">{t("endpoint")}</th>
            </tr>
          </thead>
          <tbody>
            {receivers.rows.map(({ key, row: one }) => row(t("trapReceiver"), key, one))}
            {agents.rows.map(({ key, row: one }) => row(t("snmpAgent"), key, one))}
          </tbody>
        </table>
      </Standing>
      <h3>{t("traps")}</h3>
      {figures !== undefined && (
        <Facts
          facts={SHOWN.flatMap((name) => (figures[name] === undefined ? [] : [[t(`trapFigures.${name}`), figures[name].toLocaleString()] as const]))}
        />
      )}
      {traps.value === undefined ? (
        // That nothing is there is said only where it is known.
        <p className="quiet">{maySee ? (traps.error?.message ?? "…") : frame("forbidden")}</p>
      ) : traps.value.items.length === 0 ? (
        <p className="quiet">{t("noTraps")}</p>
      ) : (
        <ul className="events">
          {traps.value.items.map(({ at, from, agent, oid, by, varbinds }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two that are alike are two
            <li key={`${at} ${from} ${oid} ${index}`}>
              <Time at={Date.parse(at)} />
              <span>
                <b className="mono">{NAMES[oid] ?? oid}</b> <Plain text={agent ?? from} /> <span className="quiet small">{by}</span>{" "}
                <Plain text={varbinds.map(({ value }) => String(value)).join(", ")} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <p className="quiet">{t("snmpSettings")}</p>
      <p>
        <code className="command">kubectl edit snmpreceiver site</code>
      </p>
    </>
  );
}
