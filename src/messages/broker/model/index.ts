export { type BindingWish, Broker, type ExchangeDeclaration, type QueueDeclaration, REPLY_TO, type Routed } from "./broker.ts";
export { Channel, type ChannelPort, type ConsumeWish, checkReplyQueue, type Delivery, type Got } from "./channel.ts";
export type { Entry } from "./entry.ts";
export { accessRefused, channelError, commandInvalid, connectionForced, notAllowed, notFound, notImplemented, preconditionFailed } from "./faults.ts";
export { type Definition, type Journal, memoryJournal, type Place } from "./journal.ts";
export type { Message } from "./message.ts";
export type { Queue } from "./queue.ts";
