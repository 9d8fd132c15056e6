import type { WebSocket } from "ws";
import { type Clock, describeError, OrreryError } from "#/base/index.ts";
import type { LogRow, StreamPort, ViewedKind, ViewStream, Views, ViewsOptions } from "#/face/views/index.ts";
import type { Authenticate, Authorizer, Identity, OnRevoked } from "#/people/access/index.ts";
import type { Collection } from "./collection.ts";
import type { Exchange, Reply, Request } from "./exchange.ts";
import type { InstanceAccess } from "./instance-access.ts";
import type { LogOwner } from "./log-format.ts";
import type { OwnedLine } from "./log-merge.ts";
import { acceptWebSocket, asksForWebSocket } from "./web-socket.ts";

export interface ViewsMountOptions {
  readonly views: Views;
  readonly authenticate: Authenticate;
  readonly authorizer: Authorizer;
  /** Absent: nothing is ever revoked. */
  readonly onRevoked?: OnRevoked;
  /** The half of a session that the browser keeps. */
  readonly sessionCookie: (request: Request) => string | undefined;
  readonly clock: Clock;
}

/** A page gives its half of the session within this, or is sent away. */
const SESSION_MS_MAX = 10_000;
/** A machine that has gone, or sleeps, says nothing to a ping: what it had open is given up at the next one. */
const PING_MS = 15_000;
/** More than a beat and some changes: so much waits only for one who reads slowly. */
const BEHIND_BYTES = 16 * 1024;
/** Messages of a client in one second; the rest is read in the next. */
const MESSAGES_MAX = 200;
const SECOND_MS = 1_000;

/** Serves `GET /views`: a WebSocket for each tab. */
export class ViewsMount {
  readonly #options: ViewsMountOptions;

  constructor(options: ViewsMountOptions) {
    this.#options = options;
    options.onRevoked?.(({ uid, credential }, reason) => {
      const isMeant = (who: Identity): boolean =>
        (credential !== undefined && who.credential === credential) || (credential === undefined && uid !== undefined && who.uid === uid);
      options.views.endOf(isMeant, new OrreryError("api/unauthorized", `Unauthorized: ${reason}`));
    });
  }

  /** Speaks until either side ends it.
   *  @throws api/protocol: it is asked for without a WebSocket */
  async serve(exchange: Exchange): Promise<Reply> {
    const { request, upgrade, signal } = exchange;
    if (upgrade === undefined || !asksForWebSocket(request))
      throw new OrreryError("api/protocol", "views are told over a WebSocket: ask with Upgrade: websocket, over HTTP/1.1", {
        details: { upgrade: "websocket" },
      });
    const webSocket = await acceptWebSocket(request, upgrade);
    if (webSocket === undefined) return { status: 400, isTaken: true };
    const port: StreamPort = {
      send: (message) => webSocket.send(message, { binary: false }),
      get unsentBytes() {
        return webSocket.bufferedAmount;
      },
      close: (code, reason) => {
        webSocket.close(code, reason);
        this.#options.clock.after(SECOND_MS, () => webSocket.terminate(), { background: true });
      },
    };
    let stream: ViewStream | undefined;
    const refuse = (error: unknown): void => {
      port.send(JSON.stringify({ end: endOf(error) }));
      port.close(1008, "");
    };
    const begin = (who: Identity): void => {
      try {
        stream = this.#options.views.connect(who, port);
      } catch (error) {
        refuse(error);
      }
    };
    const onAbort = (): void => stream?.end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const isKnown = exchange.user.via !== "anonymous";
    if (isKnown) begin(exchange.user);
    const cancel = isKnown
      ? (): void => {}
      : this.#options.clock.after(
          SESSION_MS_MAX,
          () =>
            stream === undefined && refuse(new OrreryError("api/unauthorized", `Unauthorized: no session within ${SESSION_MS_MAX / SECOND_MS} s`)),
          { background: true },
        );
    let isAsking = false;
    const receive = (text: string): void => {
      if (stream !== undefined) stream.receive(text);
      // Whatever comes before the answer is too early.
      else if (!isAsking) {
        isAsking = true;
        void this.#knowSession(exchange, text).then((who) => {
          if (webSocket.readyState !== webSocket.OPEN) return;
          exchange.identify?.(who);
          begin(who);
        }, refuse);
      } else refuse(new OrreryError("views/bad-message", "wait for hello before the next message"));
    };
    let messages = 0;
    let cancelPause = (): void => {};
    webSocket.on("message", (data: Buffer, isBinary) => {
      if (webSocket.readyState !== webSocket.OPEN) return;
      if (isBinary) refuse(new OrreryError("views/bad-message", "the message cannot be taken: it is no text"));
      else receive(data.toString("utf8"));
      messages += 1;
      if (messages === 1)
        cancelPause = this.#options.clock.after(
          SECOND_MS,
          () => {
            messages = 0;
            webSocket.resume();
          },
          { background: true },
        );
      if (messages > MESSAGES_MAX) webSocket.pause();
    });
    const stopPinging = this.#ping(webSocket);
    await new Promise<void>((resolve) => webSocket.once("close", () => resolve()));
    stopPinging();
    cancel();
    cancelPause();
    signal.removeEventListener("abort", onAbort);
    stream?.closed();
    return { status: 101, isTaken: true };
  }

  #ping(webSocket: WebSocket): () => void {
    let isHeard = true;
    let unsent = 0;
    const heard = (): void => {
      isHeard = true;
    };
    webSocket.on("pong", heard).on("message", heard);
    const ping = (): void => {
      // Who still reads what was sent before has not come to the ping yet. What was written just now is no such thing: the system takes it from a machine that has gone, too.
      const isReading = unsent >= BEHIND_BYTES && webSocket.bufferedAmount < unsent;
      if (!isHeard && !isReading) return webSocket.terminate();
      isHeard = false;
      unsent = webSocket.bufferedAmount;
      webSocket.ping();
      cancel = this.#options.clock.after(PING_MS, ping, { background: true });
    };
    let cancel = this.#options.clock.after(PING_MS, ping, { background: true });
    return () => cancel();
  }

  /** @throws api/unauthorized, api/forbidden, views/bad-message, access/unavailable */
  async #knowSession({ request }: Exchange, text: string): Promise<Identity> {
    const { authenticate, authorizer } = this.#options;
    const cookie = this.#options.sessionCookie(request);
    const secret = sessionOf(text);
    const who = cookie === undefined ? undefined : await authenticate({ cookie, secret });
    if (who === undefined) throw new OrreryError("api/unauthorized", "Unauthorized: the session has ended, or never was; log in");
    const verdict = authorizer.decide(who, { verb: "get", path: "/views" });
    if (!verdict.allowed) throw new OrreryError("api/forbidden", `forbidden: ${verdict.reason}`);
    return who;
  }
}

/** @throws views/bad-message */
function sessionOf(text: string): string {
  try {
    const { session } = JSON.parse(text) as { readonly session?: unknown };
    if (typeof session === "string") return session;
  } catch {
    // The same as another message.
  }
  throw new OrreryError("views/bad-message", 'the first message is {"session": …}');
}

function endOf(error: unknown): object {
  const known = error instanceof OrreryError ? error : new OrreryError("api/internal", describeError(error));
  return { code: known.code, message: known.message, retry: known.retry };
}

/** The store's own watches tell at least so often how far they are. */
const BOOKMARK_MS = 60_000;

/** Who reads for all consoles: rights are asked for each of them, secrets are shown to none. */
const READER: Identity = Object.freeze({ name: "orrery:views", groups: Object.freeze([]), via: "machine" });

/** A collection of the API as views follow it. */
export function viewedCollection(collection: Collection): ViewedKind {
  const { group, kind, plural, columns, isNamespaced, stored } = collection;
  return {
    resource: stored === undefined && group !== "" ? `${plural}.${group}` : plural,
    kind,
    group,
    plural,
    isNamespaced,
    columns,
    ...(stored !== undefined && { stored }),
    feed: {
      list: () => collection.list(READER, {}) as Promise<never>,
      watch: (options) => collection.watch(READER, options) as AsyncIterable<never>,
      // Events are looked for each second: such a watch has nothing to go quiet.
      ...(stored !== undefined && { wordEveryMs: BOOKMARK_MS }),
    },
  };
}

/** Lines of before now of each instance, where those of the whole site are followed. */
const ALL_TAIL_MAX = 50;

/** Logs as views follow them. */
export function viewedLogs(access: InstanceAccess, clock: Clock): NonNullable<ViewsOptions["openLog"]> {
  return async (who, { namespace, services, instances, tail, sinceMinutes, text, ignoreCase = false }, signal) => {
    const texts = text?.filter((one) => one !== "") ?? [];
    const isAll = (services?.length ?? 0) + (instances?.length ?? 0) === 0;
    const question = {
      tailLines: isAll ? Math.min(tail, ALL_TAIL_MAX) : tail,
      ...(sinceMinutes !== undefined && { sinceMs: clock.now() - sinceMinutes * 60_000 }),
      ...(texts.length > 0 && { texts, ignoreCase }),
    };
    const followed = await access.follow(who, { namespace, services, instances, question }, signal);
    return (async function* () {
      for await (const lines of followed) yield lines.map(rowOf);
    })();
  };
}

function rowOf({ owner, line }: OwnedLine<LogOwner>): LogRow {
  const { atMs, text, isBinary, cut } = line;
  return {
    instance: owner.instance,
    ...(owner.service !== undefined && { service: owner.service }),
    ...(atMs !== undefined && { at: new Date(atMs).toISOString() }),
    text: isBinary === true ? Buffer.from(text, "latin1").toString("utf8") : text,
    ...(isBinary === true && { isBinary }),
    ...(cut !== undefined && { cut }),
  };
}
