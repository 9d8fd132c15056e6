import type { Duplex } from "node:stream";
import { type Clock, describeError, type LastGuard, type Log, OrreryError } from "#/base/index.ts";
import type { User } from "#/pki/index.ts";
import type { Hello, Link, LinkHandlers, Welcome } from "../contract.ts";
import { createLink } from "../peer.ts";
import { Board } from "./board.ts";
import { checkHello } from "./hello.ts";

/** A link that never says hello is closed after this. */
const HELLO_WITHIN_MS = 10_000;
/** Of one line of theirs, such as a batch of observations. A line is parsed at once, on the thread that carries all links. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
/** Agents and gateways that may be connected at once. */
const PEERS_MAX = 10_000;

/** An agent or gateway that is connected now. */
export interface Peer {
  readonly hello: Hello;
  readonly link: Link;
  readonly connectedAtMs: number;
}

/** As `LinkHandlers`, with the peer who asks. */
export interface PeerHandlers {
  readonly calls?: Readonly<Record<string, (params: unknown, peer: Peer, signal: AbortSignal) => Promise<unknown>>>;
  readonly streams?: Readonly<Record<string, (params: unknown, peer: Peer, signal: AbortSignal) => AsyncIterable<unknown>>>;
  readonly notices?: Readonly<Record<string, (params: unknown, peer: Peer) => void>>;
}

export interface HubOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Told of what a handler throws that is no OrreryError. */
  readonly guard?: LastGuard;
  /** Orrery's version here. */
  readonly version: string;
  /** Asked at each hello. Throws `link/refused` while this centre does not lead. */
  readonly welcome: (hello: Hello) => Promise<Omit<Welcome, "version">>;
}

export type PeerListener = (peer: Peer) => void;
export type PeerLossListener = (peer: Peer, reason: string) => void;

/** The centre's memory of who is connected and of what they observe. Not stored: after a restart it is empty, and empty means unknown. */
export class Hub {
  readonly board: Board;
  readonly #options: HubOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #handlers: { readonly component: Hello["component"]; readonly handlers: PeerHandlers }[] = [];
  readonly #connectListeners = new Set<PeerListener>();
  readonly #disconnectListeners = new Set<PeerLossListener>();
  readonly #heardListeners = new Set<PeerListener>();
  readonly #links = new Set<Link>();

  constructor(options: HubOptions) {
    this.#options = options;
    this.board = new Board(options.clock);
  }

  /** Adds handlers for what peers of `component` ask; several parts may add theirs, with methods of different names. They hold for links accepted afterwards: add before the API listens. */
  handle(component: Hello["component"], handlers: PeerHandlers): void {
    this.#handlers.push({ component, handlers });
  }

  /** Speaks the centre's side of a link over `duplex`, which `user` has opened: waits for its hello, refuses it or registers the peer. */
  accept(duplex: Duplex, user: User): Link {
    let peer: Peer | undefined;
    const known = (): Peer => {
      if (peer === undefined) throw new OrreryError("link/refused", "say hello first");
      return peer;
    };
    const hello = async (params: unknown): Promise<Welcome> => {
      if (peer !== undefined) throw new OrreryError("link/refused", "hello was said before");
      const { version, welcome } = this.#options;
      const said = checkHello(params, user, version);
      const answer = { ...(await welcome(said)), version };
      cancel();
      peer = this.register(said, link);
      return answer;
    };
    const { clock, log, guard } = this.#options;
    const link = createLink({
      lineBytesMax: LINE_BYTES_MAX,
      duplex,
      clock,
      log,
      ...(guard !== undefined && { guard }),
      handlers: this.#linkHandlers(user, known, hello),
    });
    const cancel = this.#options.clock.after(HELLO_WITHIN_MS, () => link.close("no hello within 10 s"), { background: true });
    this.#links.add(link);
    void link.closed.then(() => {
      cancel();
      this.#links.delete(link);
    });
    return link;
  }

  /** Makes `hello`'s peer known over `link`. A former one of the same component and name is closed: its process is gone, or will dial again.
   *  @throws link/busy: too many are connected */
  register(hello: Hello, link: Link): Peer {
    const key = `${hello.component}/${hello.name}`;
    const former = this.#peers.get(key);
    if (former === undefined && this.#peers.size >= PEERS_MAX)
      throw new OrreryError("link/busy", `${PEERS_MAX} agents and gateways are connected`, { retry: "backoff" });
    const peer: Peer = { hello, link, connectedAtMs: this.#options.clock.now() };
    this.#peers.set(key, peer);
    if (former !== undefined) this.#lose(former, "replaced by a newer connection of the same name");
    void link.closed.then((reason) => {
      if (this.#peers.get(key) !== peer) return;
      this.#peers.delete(key);
      this.#lose(peer, reason);
    });
    for (const listener of this.#connectListeners) this.#guard(() => listener(peer));
    return peer;
  }

  /** Connected peers of `component`, in the order of their connecting. */
  peers(component: Hello["component"]): readonly Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.hello.component === component);
  }

  peer(component: Hello["component"], name: string): Peer | undefined {
    return this.#peers.get(`${component}/${name}`);
  }

  /** Calls `listener` after each hello that was accepted; returns what stops it. */
  onConnect(listener: PeerListener): () => void {
    this.#connectListeners.add(listener);
    return () => this.#connectListeners.delete(listener);
  }

  /** Calls `listener` once for each peer that is gone or replaced; when it is replaced, the new one is known already. */
  onDisconnect(listener: PeerLossListener): () => void {
    this.#disconnectListeners.add(listener);
    return () => this.#disconnectListeners.delete(listener);
  }

  /** Calls `listener` at each notice and call of a peer; returns what stops it. */
  onHeard(listener: PeerListener): () => void {
    this.#heardListeners.add(listener);
    return () => this.#heardListeners.delete(listener);
  }

  /** Closes all links. */
  close(reason: string): void {
    for (const link of [...this.#links]) link.close(reason);
    for (const peer of [...this.#peers.values()]) peer.link.close(reason);
  }

  #lose(peer: Peer, reason: string): void {
    peer.link.close(reason);
    for (const listener of this.#disconnectListeners) this.#guard(() => listener(peer, reason));
  }

  #guard(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#options.log.error("hub: a listener failed", { error: describeError(error) });
    }
  }

  #linkHandlers(user: User, known: () => Peer, hello: (params: unknown) => Promise<Welcome>): LinkHandlers {
    const calls: Record<string, (params: unknown, signal: AbortSignal) => Promise<unknown>> = { hello };
    const streams: Record<string, (params: unknown, signal: AbortSignal) => AsyncIterable<unknown>> = {};
    const notices: Record<string, (params: unknown) => void> = {};
    const heard = (): Peer => {
      const peer = known();
      for (const listener of this.#heardListeners) this.#guard(() => listener(peer));
      return peer;
    };
    for (const { component, handlers } of this.#handlers) {
      if (!user.groups.includes(`orrery:${component}s`)) continue;
      for (const [method, handler] of Object.entries(handlers.calls ?? {}))
        calls[method] = async (params, signal) => await handler(params, heard(), signal);
      for (const [method, handler] of Object.entries(handlers.streams ?? {})) streams[method] = (params, signal) => handler(params, known(), signal);
      for (const [method, handler] of Object.entries(handlers.notices ?? {})) notices[method] = (params) => handler(params, heard());
    }
    return { calls, streams, notices };
  }
}
