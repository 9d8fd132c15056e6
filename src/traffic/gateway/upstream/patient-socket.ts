import { type NetConnectOpts, Socket } from "node:net";

type Done = (error?: Error | null) => void;

/** After a failed write so long is read on. */
const READ_ON_MS = 1000;

/** A connection whose failed writes do not end the reading: a server that answers early (413, 401) and closes makes further writes fail, while its answer has arrived already or is about to. */
class PatientSocket extends Socket {
  #hasFailed = false;

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, this.#patient(done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Done): void {
    super._writev?.(chunks, this.#patient(done));
  }

  #patient(done: Done): Done {
    return (error) => {
      if (error === undefined || error === null || this.#hasFailed || this.readableEnded || this.destroyed) return done(error);
      this.#hasFailed = true;
      let isTold = false;
      const tell = (): void => {
        if (isTold) return;
        isTold = true;
        clearTimeout(timer);
        done(error);
      };
      const timer = setTimeout(tell, READ_ON_MS).unref();
      this.once("end", tell);
      this.once("close", tell);
    };
  }
}

/** Connects as `net.connect` does. */
export function connectPatiently(options: NetConnectOpts): Socket {
  return new PatientSocket({ allowHalfOpen: true }).connect(options);
}
