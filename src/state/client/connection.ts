import { type ClientHttp2Session, connect } from "node:http2";
import { type Clock, describeError, OrreryError } from "#/base/index.ts";

const CONNECT_MS_MAX = 10_000;
const PING_EVERY_MS = 5_000;
const WINDOW_BYTES = 4 * 1024 * 1024;
/** Above this Node refuses even the answers of what is being sent; its default of 10 MB is less than one long body. */
const SESSION_MEMORY_MB = 256;

export interface ConnectionOptions {
  /** `https://host:port` */
  readonly url: string;
  /** PEM of the CA that has signed the server's certificate. */
  readonly ca: string;
  /** See `ClientOptions`. */
  readonly serverName?: string | undefined;
  readonly clock: Clock;
}

/** The one TCP connection of a client: made when first needed, made anew after a loss. */
export class Connection {
  readonly #options: ConnectionOptions;
  #session: Promise<ClientHttp2Session> | undefined;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The open session; all callers share one attempt.
   *  @throws client/unavailable (backoff), client/untrusted, client/closed */
  async session(): Promise<ClientHttp2Session> {
    if (this.#isClosed) throw new OrreryError("client/closed", "the client was closed");
    this.#session ??= this.#dial();
    return await this.#session;
  }

  /** Ends the connection at once, whatever is under way. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const session = await this.#session?.catch(() => undefined);
    if (session === undefined || session.destroyed) return;
    await new Promise<void>((resolve) => {
      session.once("close", resolve);
      session.destroy();
    });
  }

  async #dial(): Promise<ClientHttp2Session> {
    const { url, ca, serverName, clock } = this.#options;
    const session = connect(url, {
      ca,
      ...(serverName === undefined ? {} : { servername: serverName }),
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    const forget = (): void => {
      this.#session = undefined;
    };
    session.on("close", forget);
    // After a GOAWAY what runs may end here, but nothing new may begin.
    session.on("goaway", forget);
    const timeout = clock.after(CONNECT_MS_MAX, () => session.destroy(new Error(`no connection within ${CONNECT_MS_MAX / 1_000} s`)));
    try {
      await new Promise<void>((resolve, reject) => {
        session.once("connect", () => resolve());
        session.on("error", reject);
        session.once("close", () => reject(new Error("the connection was closed at once")));
      });
    } catch (error) {
      forget();
      throw connectError(url, error, serverName);
    } finally {
      timeout();
    }
    session.setLocalWindowSize(WINDOW_BYTES * 4);
    this.#watch(session);
    return session;
  }

  /** Finds out that the other side is gone when the network does not tell (half-open connections). */
  #watch(session: ClientHttp2Session): void {
    let isAnswered = true;
    const beat = (): void => {
      if (session.destroyed) return;
      if (!isAnswered) return session.destroy(new Error(`the server has not answered for ${PING_EVERY_MS / 1_000} s`));
      isAnswered = false;
      session.ping(() => {
        isAnswered = true;
      });
      cancel = this.#options.clock.after(PING_EVERY_MS, beat, { background: true });
    };
    let cancel = this.#options.clock.after(PING_EVERY_MS, beat, { background: true });
    session.once("close", () => cancel());
  }
}

const CERTIFICATE_FAULTS: readonly string[] = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "ERR_TLS_CERT_ALTNAME_INVALID",
];

function connectError(url: string, error: unknown, serverName: string | undefined): OrreryError {
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? "");
  const options = { cause: error, details: { url, code, wasSent: false } };
  if (code === "ECONNREFUSED")
    return new OrreryError(
      "client/unavailable",
      `nothing listens at ${url}: is the centre running? If it has just been restarted, try again in a second; else start it: orrery up`,
      {
        ...options,
        retry: "backoff",
      },
    );
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return new OrreryError(
      "client/untrusted",
      `the certificate of ${url} is not valid at this time: check the clocks, or restart the centre: it makes a new one`,
      options,
    );
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" && serverName !== undefined)
    return new OrreryError(
      "client/untrusted",
      `another site answers at ${url}, not the one of this data folder: its own centre does not run, or runs elsewhere. See orrery status; start it with: orrery up`,
      options,
    );
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return new OrreryError(
      "client/untrusted",
      `the certificate of ${url} is for other names: use one of its names, or start the centre with --listen for this address`,
      options,
    );
  if (CERTIFICATE_FAULTS.includes(code))
    return new OrreryError(
      "client/untrusted",
      `the CA given here has not signed the certificate of ${url}: is it another site's? Take pki/ca.crt of the data folder that this server runs on`,
      options,
    );
  return new OrreryError("client/unavailable", `cannot connect to ${url}: ${describeError(error)}`, { ...options, retry: "backoff" });
}
