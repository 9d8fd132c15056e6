import type { GatewayReport, KnownTable, TableMessage, TablePosition } from "#/traffic/routing/index.ts";
import type { Dice } from "./dice.ts";
import type { Link, LinkDelay } from "./link.ts";
import type { GatewayPlan } from "./plan.ts";
import type { Program } from "./program.ts";

/** What a gateway says first on a link. */
export interface GatewayHello {
  readonly name: string;
  readonly host: string;
  readonly incarnation: number;
  readonly formerUncleanAgoMs: number | undefined;
  readonly roles: GatewayPlan["roles"];
}

/** A centre as gateways reach it. */
export interface CentrePort {
  /** How often the store had been put back when it began. */
  readonly era: number;
  /** A new connection. */
  open(gateway: Program, delay: LinkDelay, dice: Dice): Link;
  hello(link: Link, hello: GatewayHello): void;
  /** `receive` is given every message, and `undefined` when the stream ends on an open link. */
  subscribe(link: Link, name: string, known: KnownTable | undefined, receive: (message: TableMessage | undefined) => void): void;
  acknowledge(link: Link, name: string, position: TablePosition): void;
  report(link: Link, name: string, report: GatewayReport): void;
}
