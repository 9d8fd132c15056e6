import path from "node:path";
import type { Clock, Log, Random } from "#/base/index.ts";
import { type AlarmChannel, snmpAgent } from "#/model/index.ts";
import { alarmNotification, localizeKey, Notifier, startEngine, type TrapHome } from "#/watch/snmp/index.ts";
import { encodeAlarm } from "../stored.ts";
import { notDelivered, secretOf } from "./channel.ts";
import type { Entry, Message } from "./message.ts";

export interface TrapSenderOptions {
  /** Where this centre's own engine is counted; absent: SNMPv3 cannot be spoken here. */
  readonly home: TrapHome | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type TrapWay = NonNullable<AlarmChannel["spec"]["trap"]>;
type Engine = ReturnType<typeof startEngine>;

/** Informs that wait for their answers at once: more, and a slow manager's buffer runs over. */
const AT_ONCE = 20;
const NO_ENGINE = new Uint8Array();

/** Tells alarms by SNMP, each by itself: a trap once, an inform until it is answered or its tries are over. */
export class TrapSender {
  readonly #options: TrapSenderOptions;
  #engine: Engine | undefined;

  constructor(options: TrapSenderOptions) {
    this.#options = options;
  }

  /** @throws alarms/not-delivered: one of them was not answered; all of them are told again */
  async send(spec: AlarmChannel["spec"], way: TrapWay, message: Message, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const [auth, priv] = [secretOf(spec, "SNMP_AUTH"), secretOf(spec, "SNMP_PRIV")];
    if (way.version === "v3" && auth === undefined && priv !== undefined)
      throw notDelivered("SNMP_PRIV takes SNMP_AUTH: nothing is encrypted that is not signed");
    const notifier = new Notifier({
      engine: way.version === "v3" ? this.#ownEngine() : { id: NO_ENGINE, boots: 0, time: () => Math.floor(clock.monotonic() / 1000) },
      clock,
      random,
      log,
      settings: () => NO_SETTINGS,
      keysOf: (_user, engineId) =>
        auth === undefined
          ? undefined
          : {
              protocol: way.auth,
              auth: localizeKey(way.auth, auth, engineId),
              ...(priv !== undefined && { priv: localizeKey(way.auth, priv, engineId) }),
            },
    });
    const target = { name: message.channel, address: way.to, timeout: way.wait, retries: way.retries, tags: [], params: "", enabled: true };
    const level = auth === undefined ? "noAuthNoPriv" : priv === undefined ? "authNoPriv" : "authPriv";
    const user = way.version === "v3" ? (way.user ?? "") : (secretOf(spec, "SNMP_COMMUNITY") ?? "public");
    const how = { target, params: { name: "", version: way.version, user, level, enabled: true } as const, isInform: way.inform };
    const stop = (): void => notifier.close();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      const [first, ...others] = message.entries;
      const tell = async ({ name, identity: { resource, type, qualifier }, state, due }: Entry): Promise<void> => {
        signal.throwIfAborted();
        const one = { metadata: { name }, spec: { resource, type, qualifier }, status: encodeAlarm(state, message.atMs) };
        await notifier.deliver(alarmNotification(one as never, due.what === "cleared"), how);
      };
      // Alone: it finds the receiver's engine, which the others need.
      if (first !== undefined) await tell(first);
      const waiting = others.values();
      const tellOn = async (): Promise<void> => {
        for (const entry of waiting) await tell(entry);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, tellOn));
    } catch (error) {
      throw notDelivered(error instanceof Error ? error.message : String(error), error);
    } finally {
      signal.removeEventListener("abort", stop);
      notifier.close();
    }
  }

  #ownEngine(): Engine {
    const { home, clock } = this.#options;
    if (home === undefined) throw notDelivered("this centre has no engine of SNMPv3: it takes no traps, either");
    this.#engine ??= startEngine({ folder: path.join(home.folder, "told"), identity: home.identity, host: `alarms ${home.host}`, clock });
    return this.#engine;
  }
}

const NO_SETTINGS = snmpAgent.spec.parse({ communities: [] }) as ReturnType<ConstructorParameters<typeof Notifier>[0]["settings"]>;
