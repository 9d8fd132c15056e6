import type { Content, Method } from "#/messages/amqp/index.ts";
import type { Broker } from "../model/index.ts";
import type { BusUser } from "./authority.ts";

/** Bounds of what a client may ask for. */
export interface ClientLimits {
  /** Of one body. */
  readonly messageBytesMax: number;
  /** Of one frame, as is agreed on at most. */
  readonly frameBytesMax: number;
  readonly channelsMax: number;
  /** Seconds between signs of life that are asked for; the client may want others. */
  readonly heartbeatS: number;
  /** Time for whoever connects to say who it is. */
  readonly handshakeMs: number;
  /** Bytes on their way to a client above which it is given nothing more. */
  readonly unreadBytesMax: number;
  /** Bytes of messages of one connection that wait for an alarm to end. */
  readonly heldBytesMax: number;
  /** Of all connections together. */
  readonly heldBytesMaxOfAll: number;
}

/** What a channel needs of its connection. */
export interface SessionHome {
  readonly broker: Broker;
  readonly owner: object;
  readonly user: BusUser;
  readonly limits: ClientLimits;
  send(channel: number, method: Method): void;
  sendContent(channel: number, method: Method, content: Content): void;
  /** True if the client has said that it knows this extension. */
  announces(capability: string): boolean;
  canTake(): boolean;
  /** What becomes of a message while there is an alarm: `held` until it is over, or `refused`, where that can be told. */
  holdPublish(bytes: number, canBeRefused: boolean): "taken" | "held" | "refused";
  /** @throws broker/precondition-failed: the disk is too full for anything that is made to last */
  checkDisk(what: string): void;
}

/** Before it is known who is there. */
export const NOBODY: BusUser = { name: "", may: () => false };
