import { request } from "node:http";
import type { Duty } from "#/model/index.ts";

const TIMEOUT_MS = 2000;

export interface DutyTellerOptions {
  /** Puts a duty into the file $ORRERY_STATE, now or as soon as that can be done; then calls `onWritten`. */
  readonly write: (duty: Duty, onWritten: () => void) => void;
  /** Where it is posted beside that; `undefined`: the service does not want it, or does not run. */
  readonly target: () => { readonly port: number; readonly path: string } | undefined;
  /** It was not taken where it was posted. */
  readonly onProblem: (message: string) => void;
  /** `taken` has changed. */
  readonly onTaken: () => void;
}

/** Tells one instance whether it is passive, active or draining: by a file, and by a POST where the service wants to be told. */
export class DutyTeller {
  readonly #options: DutyTellerOptions;
  #wanted: Duty | undefined;
  #taken: Duty | undefined;

  constructor(options: DutyTellerOptions) {
    this.#options = options;
  }

  /** What the instance knows. Of a service that wants to be told, what has been posted, too: only then is it said of the instance, so that nothing counts on what it has not yet taken up. */
  get taken(): Duty | undefined {
    return this.#taken;
  }

  /** What it is told, or about to be. */
  get wanted(): Duty | undefined {
    return this.#wanted;
  }

  /** It knows that it is passive, and nobody is about to tell it otherwise. */
  get isPassive(): boolean {
    return this.#wanted === "passive" && this.#taken === "passive";
  }

  /** The file says so, and it is, or will be, told so when it starts. */
  assume(duty: Duty): void {
    this.#wanted = this.#taken = duty;
  }

  /** Repeats are ignored. */
  tell(duty: Duty): void {
    if (this.#wanted === duty) return;
    this.#wanted = duty;
    this.#options.write(duty, () => void this.#take(duty));
  }

  async #take(duty: Duty): Promise<void> {
    await this.#post(duty);
    if (this.#wanted !== duty) return;
    this.#taken = duty;
    this.#options.onTaken();
  }

  /** Once more, beside the file. Never fails. */
  async repeat(): Promise<void> {
    if (this.#wanted !== undefined) await this.#post(this.#wanted);
  }

  async #post(duty: Duty): Promise<void> {
    const target = this.#options.target();
    const problem = target === undefined ? undefined : await postDuty(target.port, target.path, duty);
    if (problem !== undefined) this.#options.onProblem(`${problem}; the file in ORRERY_STATE says ${duty}`);
  }
}

/** POSTs `{"state": duty}` to an instance; resolves with what went wrong, if anything did. The file $ORRERY_STATE holds the same, so a service that misses this is not lost. */
function postDuty(port: number, path: string, duty: Duty): Promise<string | undefined> {
  const body = JSON.stringify({ state: duty });
  return new Promise((resolve) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        agent: false,
        timeout: TIMEOUT_MS,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (answer) => {
        answer.resume();
        const status = answer.statusCode ?? 0;
        resolve(status >= 200 && status < 300 ? undefined : `POST ${path} answered ${status}, expected 200 to 299`);
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    sent.on("error", (error) => resolve(`POST ${path}: ${error.message}`));
    sent.end(body);
  });
}
