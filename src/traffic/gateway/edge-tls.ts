import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import path from "node:path";
import { createSecureContext, createServer, type Server, type TLSSocket } from "node:tls";
import { type Clock, describeError, type Log } from "#/base/index.ts";

const LOOK_MS = 2000;
/** For the first byte, and for the rest of a handshake. */
const HANDSHAKE_MS = 15_000;
/** First byte of a TLS handshake; no HTTP request begins with it. */
const HANDSHAKE = 0x16;
const FILE_BYTES_MAX = 1024 * 1024;

export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface EdgeTlsOptions {
  /** Relative names of files are found from here. */
  readonly folder: string;
  /** Files are looked at this often; default 2 s. */
  readonly lookMs?: number | undefined;
  readonly log: Log;
  readonly clock: Clock;
  /** A connection whose handshake is done. */
  readonly onConnection: (socket: TLSSocket) => void;
  /** A connection that speaks plain HTTP. */
  readonly onPlain: (socket: Socket) => void;
}

/** TLS at the edge, with certificate and key from files. They are read again when they change; while what stands there cannot be used, the pair before stays in force, and `failure` says why. */
export class EdgeTls {
  readonly #options: EdgeTlsOptions;
  readonly #server: Server;
  #files: TlsFiles | undefined;
  /** What was looked at last, so that nothing is read or said twice. */
  #seen = "";
  #hasPair = false;
  #failure: string | undefined;
  #validUntil: Date | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: EdgeTlsOptions) {
    this.#options = options;
    this.#server = createServer({ minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"], handshakeTimeout: HANDSHAKE_MS });
    this.#server.on("secureConnection", options.onConnection);
    this.#server.on("tlsClientError", (_, socket) => socket.destroy());
  }

  /** True: what comes in is to be TLS. */
  get isOn(): boolean {
    return this.#files !== undefined;
  }

  /** Why the files cannot be used as they stand there. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes these files from now on; `undefined`: plain HTTP. */
  set(files: TlsFiles | undefined): void {
    if (files?.certificateFile === this.#files?.certificateFile && files?.keyFile === this.#files?.keyFile) return;
    this.#files = files;
    this.#seen = "";
    this.#failure = undefined;
    this.#cancel?.();
    // Whoever had TLS by other files has it no longer by them.
    if (files === undefined) this.#hasPair = false;
    else this.#look();
  }

  #look(): void {
    const { clock, log } = this.#options;
    this.#cancel = clock.after(this.#options.lookMs ?? LOOK_MS, () => this.#look(), { background: true });
    const files = this.#files;
    if (files === undefined) return;
    const certificateFile = path.resolve(this.#options.folder, files.certificateFile);
    const keyFile = path.resolve(this.#options.folder, files.keyFile);
    const seen = `${stampOf(certificateFile)} ${stampOf(keyFile)}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      const cert = readBounded(certificateFile);
      const key = readBounded(keyFile);
      const certificate = check(cert, key, certificateFile, keyFile, clock.now());
      this.#server.setSecureContext({ cert, key, minVersion: "TLSv1.2" });
      const isFirst = !this.#hasPair;
      this.#hasPair = true;
      this.#failure = undefined;
      this.#validUntil = certificate.validToDate;
      log.info(isFirst ? "the edge speaks TLS" : "the edge has a new certificate", {
        certificateFile,
        validUntil: certificate.validToDate.toISOString(),
      });
    } catch (error) {
      const rest = this.#hasPair
        ? `; the certificate before stays in force, until ${this.#validUntil?.toISOString()}`
        : "; no connection is taken until they can be used";
      this.#failure = `${describeError(error)}${rest}`;
      log.error("certificate and key of the edge cannot be used", { certificateFile, keyFile, error: this.#failure });
    }
  }

  /** Begins the handshake on a connection that has just come in. Plain HTTP is handed over as it is, so that the client can be told. */
  accept(socket: Socket): void {
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
    const onEarly = (): void => {
      clearTimeout(timer);
      socket.destroy();
    };
    socket.once("error", onEarly);
    socket.once("end", onEarly);
    socket.once("readable", () => {
      clearTimeout(timer);
      socket.off("error", onEarly);
      socket.off("end", onEarly);
      const first: unknown = socket.read();
      if (!Buffer.isBuffer(first) || (first[0] === HANDSHAKE && !this.#hasPair)) {
        socket.destroy();
        return;
      }
      socket.unshift(first);
      if (first[0] === HANDSHAKE) this.#server.emit("connection", socket);
      else this.#options.onPlain(socket);
    });
  }

  /** Looks at the files no more. */
  stop(): void {
    this.#cancel?.();
  }
}

/** Changes when the file does, also where a link is turned to another one. */
function stampOf(file: string): string {
  try {
    const { mtimeMs, size, ino, dev } = statSync(file);
    return `${mtimeMs}-${size}-${ino}-${dev}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unreadable";
  }
}

function readBounded(file: string): string {
  const { size } = statSync(file);
  if (size > FILE_BYTES_MAX) throw new Error(`${file} has ${size} bytes: that is no certificate and no key`);
  return readFileSync(file, "utf8");
}

/** @throws Error in words for people: they do not belong together, are expired, or are no certificate and key */
function check(cert: string, key: string, certificateFile: string, keyFile: string, nowMs: number): X509Certificate {
  const certificate = said(`${certificateFile} holds no certificate (PEM)`, () => new X509Certificate(cert));
  const privateKey = said(`${keyFile} holds no private key (PEM, not encrypted)`, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) throw new Error(`the key in ${keyFile} is not that of the certificate in ${certificateFile}`);
  if (certificate.validToDate.getTime() <= nowMs)
    throw new Error(`the certificate in ${certificateFile} has expired, at ${certificate.validToDate.toISOString()}`);
  // What OpenSSL refuses all the same, such as a key that is too short.
  createSecureContext({ cert, key, minVersion: "TLSv1.2" });
  return certificate;
}

function said<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${what}: ${describeError(error)}`, { cause: error });
  }
}
