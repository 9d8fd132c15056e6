import type { Socket } from "node:net";
import { type Clock, describeError, isOrreryError, type LastGuard, type Log } from "#/base/index.ts";
import {
  type Content,
  contentFrames,
  FRAME_BYTES_MIN,
  type Frame,
  FrameReader,
  HEARTBEAT,
  type Method,
  methodFrame,
  PROTOCOL_HEADER,
  REPLY,
} from "#/messages/amqp/index.ts";
import { type Broker, channelError, connectionForced, preconditionFailed } from "../model/index.ts";
import type { Authority, BusUser } from "./authority.ts";
import { ChannelSession, replyOf } from "./channel-session.ts";
import { type Agreed, Handshake } from "./handshake.ts";
import { type ClientLimits, NOBODY, type SessionHome } from "./session-home.ts";

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly broker: Broker;
  readonly authority: Authority;
  readonly limits: ClientLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly guard: LastGuard;
  /** Of the product, as clients are told. */
  readonly version: string;
  /** What keeps messages from being taken now; `undefined`: nothing. */
  readonly alarm: () => string | undefined;
  readonly isDiskLow: () => boolean;
  /** Bytes that wait for an alarm to end, of all connections together. */
  readonly held: { bytes: number };
  readonly onClosed: () => void;
}

const CLOSE_WITHIN_MS = 5_000;
/** So many halves of a heartbeat may pass without a word. */
const SILENT_TICKS_MAX = 4;
/** So many times what a client may leave unread, answers to it may; then nothing more is read from it. */
const ANSWERS_FACTOR = 4;

/** One client's connection: frames in, frames out, signs of life, and its channels. */
export class Connection implements SessionHome {
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #handshake: Handshake;
  readonly #sessions = new Map<number, ChannelSession | "closing">();
  /** The frames of what was read last, of which some may be waiting. */
  #frames: Iterator<Frame> | undefined;
  #agreed: Agreed | undefined;
  #state: "opening" | "running" | "closing" | "gone" = "opening";
  /** Why nothing is read now. */
  readonly #pauses = new Set<"authentication" | "alarm" | "answers">();
  #heldBytes = 0;
  /** It has published while there was an alarm, and was told. */
  #isBlocked = false;
  #isCorked = false;
  #hasWritten = false;
  #hasRead = true;
  readonly #cancels = new Set<() => void>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, limits, authority, version } = options;
    this.#reader = new FrameReader({ onHeader: () => this.#handshake.start() });
    this.#handshake = new Handshake({ authority, limits, version, send: (method) => this.send(0, method) });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#guarded(() => this.#read(chunk)));
    socket.on("drain", () => this.#guarded(() => this.#drained()));
    socket.on("end", () => this.destroy("the client has closed the connection"));
    socket.on("error", (error) => this.destroy(describeError(error)));
    socket.on("close", () => this.destroy("closed"));
    this.#after(limits.handshakeMs, () => {
      if (this.#state === "opening") this.destroy("it did not say in time who it is");
    });
  }

  get broker(): Broker {
    return this.#options.broker;
  }

  get owner(): object {
    return this;
  }

  get user(): BusUser {
    return this.#agreed?.user ?? NOBODY;
  }

  get limits(): ClientLimits {
    return this.#options.limits;
  }

  get channelCount(): number {
    return this.#sessions.size;
  }

  send(channel: number, method: Method): void {
    this.#write([methodFrame(channel, method)]);
  }

  sendContent(channel: number, method: Method, { properties, body }: Content): void {
    this.#write(contentFrames({ channel, method, properties, body, frameMax: this.#agreed?.frameMax ?? FRAME_BYTES_MIN }));
  }

  announces(capability: string): boolean {
    return this.#handshake.announces(capability);
  }

  canTake(): boolean {
    return this.#state === "running" && this.#options.socket.writableLength < this.limits.unreadBytesMax;
  }

  holdPublish(bytes: number, canBeRefused: boolean): "taken" | "held" | "refused" {
    const alarm = this.#options.alarm();
    if (alarm === undefined) return "taken";
    this.#tellBlocked(alarm);
    const { heldBytesMax, heldBytesMaxOfAll } = this.limits;
    const { held } = this.#options;
    const isTooMuch = this.#heldBytes + bytes > heldBytesMax || held.bytes + bytes > heldBytesMaxOfAll;
    if (isTooMuch && canBeRefused) return "refused";
    this.#heldBytes += bytes;
    held.bytes += bytes;
    if (isTooMuch) this.#pause("alarm");
    return "held";
  }

  checkDisk(what: string): void {
    if (this.#options.isDiskLow()) throw preconditionFailed(`${what} cannot be made to last: the broker's disk is nearly full`);
  }

  /** An alarm has begun or ended. */
  alarmChanged(alarm: string | undefined): void {
    if (alarm !== undefined || this.#state !== "running") return;
    this.#releaseHeld();
    if (this.#isBlocked && this.announces("connection.blocked")) this.send(0, { method: "connection.unblocked" });
    this.#isBlocked = false;
    this.#guarded(() => {
      for (const session of this.#sessions.values()) {
        if (session === "closing") continue;
        try {
          session.publishHeld();
        } catch (error) {
          this.#failChannel(session, error);
        }
      }
    });
    this.#resume("alarm");
  }

  /** Ends it as the protocol wants it: the client is told why. */
  force(text: string): void {
    if (this.#state === "running") this.#fail(connectionForced(text));
    else this.destroy(text);
  }

  /** Ends it at once. What its channels held is given back. */
  destroy(why: string): void {
    if (this.#state === "gone") return;
    const { socket, broker, log, onClosed, guard } = this.#options;
    const { remoteAddress, remotePort } = socket;
    log.debug("connection closed", { client: `${remoteAddress}:${remotePort}`, user: this.#agreed?.user.name, why });
    this.#state = "gone";
    this.#releaseHeld();
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    socket.destroy();
    guard.run("connection", () => this.#endChannels());
    guard.run("connection", () => broker.forgetOwner(this));
    onClosed();
  }

  #read(chunk: Buffer): void {
    if (this.#state === "gone") return;
    this.#hasRead = true;
    this.#frames = this.#reader.read(chunk);
    this.#pump();
  }

  /** Carries out frames until there are no more, or something has to be waited for. */
  #pump(): void {
    const frames = this.#frames;
    if (frames === undefined) return;
    try {
      while (this.#pauses.size === 0 && this.#state !== "gone") {
        const { value, done } = frames.next();
        if (done === true) {
          this.#frames = undefined;
          return;
        }
        this.#take(value);
        if (this.#options.socket.writableLength > this.limits.unreadBytesMax * ANSWERS_FACTOR) this.#pause("answers");
      }
    } catch (error) {
      this.#frames = undefined;
      this.#fail(error);
    }
  }

  #pause(why: "authentication" | "alarm" | "answers"): void {
    this.#pauses.add(why);
    this.#options.socket.pause();
  }

  #resume(why: "authentication" | "alarm" | "answers"): void {
    if (!this.#pauses.delete(why) || this.#pauses.size > 0 || this.#state === "gone") return;
    this.#guarded(() => this.#pump());
    if (this.#pauses.size === 0 && this.#frames === undefined) this.#options.socket.resume();
  }

  #take(frame: Frame): void {
    if (frame.type === HEARTBEAT[0]) return;
    if (frame.channel === 0) return this.#takeOwn(frame);
    if (this.#state === "closing") return;
    if (this.#state !== "running") throw channelError("a channel's frame before the connection is open");
    const session = this.#sessions.get(frame.channel);
    if (session === "closing") return this.#awaitCloseOk(frame);
    if (session === undefined) return this.#openChannel(frame);
    try {
      if (session.isClose(frame)) return this.#closeChannel(frame.channel);
      session.take(frame);
    } catch (error) {
      this.#failChannel(session, error);
    }
  }

  /** Closes the channel, where its fault is no more than its own. */
  #failChannel(session: ChannelSession, error: unknown): void {
    const reply = replyOf(error);
    if (reply === undefined || isHard(reply.replyCode)) throw error;
    session.close();
    this.#sessions.set(session.number, "closing");
    this.send(session.number, { method: "channel.close", replyCode: reply.replyCode, replyText: cut(reply.text), ...session.currentNumbers });
  }

  #takeOwn(frame: Frame): void {
    const method = this.#handshake.read(frame);
    if (method.method === "connection.closeOk") return this.destroy("closed");
    if (method.method === "connection.close") {
      this.#endChannels();
      this.send(0, { method: "connection.closeOk" });
      return this.#end("closed by the client");
    }
    if (this.#state === "closing") return;
    if (this.#state === "running") return this.#handshake.takeLater(method, this.user, (work) => this.#await(work));
    const step = this.#handshake.take(method);
    if (step === undefined) return;
    if (step instanceof Promise) return this.#await(step);
    this.#run(step);
  }

  /** Nothing more is read until `work` is done. */
  #await(work: Promise<void>): void {
    this.#pause("authentication");
    work
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#resume("authentication"))
      .catch((error: unknown) => this.#options.guard.caught("connection", error));
  }

  #run(agreed: Agreed): void {
    this.#agreed = agreed;
    this.#reader.frameMax = agreed.frameMax;
    this.#state = "running";
    if (agreed.heartbeatS > 0) this.#tick((agreed.heartbeatS * 1000) / 2, 0);
    this.send(0, { method: "connection.openOk" });
  }

  #openChannel(frame: Frame): void {
    const { channelMax = 0 } = this.#agreed ?? {};
    if (frame.channel > channelMax) throw channelError(`channel ${frame.channel}, where the highest number agreed on is ${channelMax}`);
    const method = this.#handshake.read(frame);
    if (method.method !== "channel.open") throw channelError(`${method.method} in channel ${frame.channel}, which is not open`);
    this.#sessions.set(frame.channel, new ChannelSession(frame.channel, this));
    this.send(frame.channel, { method: "channel.openOk" });
  }

  #closeChannel(number: number): void {
    const session = this.#sessions.get(number);
    this.#sessions.delete(number);
    if (session !== undefined && session !== "closing") session.close();
    this.send(number, { method: "channel.closeOk" });
  }

  /** Whatever the client has sent before it heard that its channel is closed means nothing. */
  #awaitCloseOk(frame: Frame): void {
    const name = this.#handshake.peek(frame);
    if (name === "channel.closeOk") this.#sessions.delete(frame.channel);
    if (name === "channel.close") this.#closeChannel(frame.channel);
  }

  /** First nobody takes any longer, then all is given back: else the one channel would get what the other gives back. */
  #endChannels(): void {
    const sessions = [...this.#sessions.values()].filter((session) => session !== "closing");
    this.#sessions.clear();
    for (const session of sessions) session.endConsuming();
    for (const session of sessions) session.close();
  }

  #fail(error: unknown): void {
    if (this.#state === "closing" || this.#state === "gone") return;
    if (isOrreryError(error, "amqp/bad-header")) {
      this.#write([PROTOCOL_HEADER]);
      return this.#end(error.message);
    }
    const reply = replyOf(error);
    if (reply === undefined) this.#options.guard.caught("connection", error, this.user.name);
    const { replyCode, text } = reply ?? { replyCode: REPLY.internalError, text: "the broker has failed in a way that nobody expected" };
    // Who has not said who it is, is told nothing, unless it asked to be.
    if (this.#state === "opening" && !this.#handshake.mayBeTold) return this.destroy(text);
    this.#state = "closing";
    this.#endChannels();
    this.send(0, { method: "connection.close", replyCode, replyText: cut(text), classId: 0, methodId: 0 });
    this.#after(CLOSE_WITHIN_MS, () => this.destroy(text));
  }

  /** Nothing more is said; the client is given time to read what was. */
  #end(why: string): void {
    this.#state = "closing";
    this.#options.socket.end();
    this.#after(CLOSE_WITHIN_MS, () => this.destroy(why));
  }

  #releaseHeld(): void {
    this.#options.held.bytes -= this.#heldBytes;
    this.#heldBytes = 0;
  }

  #tellBlocked(reason: string): void {
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    if (this.announces("connection.blocked")) this.send(0, { method: "connection.blocked", reason });
  }

  #drained(): void {
    if (this.#state !== "running") return;
    for (const session of this.#sessions.values()) if (session !== "closing") session.wake();
    this.#resume("answers");
  }

  /** Each half of a heartbeat. Counted, not measured: after a machine has slept, what came meanwhile is read first. */
  #tick(halfMs: number, silentTicks: number): void {
    this.#after(halfMs, () => {
      const silent = this.#hasRead || this.#pauses.size > 0 ? 0 : silentTicks + 1;
      if (silent >= SILENT_TICKS_MAX) return this.destroy("missed heartbeats from the client");
      if (!this.#hasWritten) this.#write([HEARTBEAT]);
      this.#hasRead = false;
      this.#hasWritten = false;
      this.#tick(halfMs, silent);
    });
  }

  #write(pieces: readonly Buffer[]): void {
    const { socket } = this.#options;
    if (this.#state === "gone" || socket.destroyed || socket.writableEnded) return;
    this.#hasWritten = true;
    if (!this.#isCorked) {
      // What is said in one turn goes out as one.
      this.#isCorked = true;
      socket.cork();
      setImmediate(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
    for (const piece of pieces) socket.write(piece);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #after(delayMs: number, run: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      this.#guarded(run);
    });
    this.#cancels.add(cancel);
  }
}

/** What closes a connection and not only a channel. */
function isHard(replyCode: number): boolean {
  return replyCode >= 500 || replyCode === REPLY.connectionForced || replyCode === REPLY.invalidPath;
}

const REPLY_TEXT_MAX = 240;

/** AMQP has 255 bytes for a reason. */
function cut(text: string): string {
  return Buffer.byteLength(text) <= REPLY_TEXT_MAX
    ? text
    : `${Buffer.from(text)
        .subarray(0, REPLY_TEXT_MAX)
        .toString("utf8")
        .replace(/\ufffd+$/, "")}…`;
}
