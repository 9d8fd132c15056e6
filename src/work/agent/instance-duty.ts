import type { Duty } from "#/model/index.ts";
import { DutyTeller, type DutyTellerOptions } from "./duty-teller.ts";
import type { HostedInstance } from "./hosted-instance.ts";
import type { RecordWriter } from "./record-writer.ts";
import type { Runner } from "./runner.ts";

/** What a duty depends on beside the Instance's spec. */
export interface DutyHolder {
  readonly runner: Runner;
  readonly records: RecordWriter;
  readonly isRunning: () => boolean;
  /** `taken` has changed. */
  readonly onTaken: () => void;
}

/** The duty of one instance: what its spec says, or passive while another revision may use what only one may use. */
export class InstanceDuty {
  readonly #hosted: HostedInstance;
  readonly #holder: DutyHolder;
  readonly #teller: DutyTeller;
  /** Who keeps it passive. */
  #rival: Runner | undefined;

  constructor(hosted: HostedInstance, holder: DutyHolder) {
    this.#hosted = hosted;
    this.#holder = holder;
    this.#teller = new DutyTeller({
      write: (duty, onWritten) => holder.records.write("its duty", () => hosted.folder.writeDuty(duty), onWritten),
      target: () => this.#target(),
      onProblem: (message) => hosted.tell("Warning", "StateNotTaken", message),
      onTaken: holder.onTaken,
    });
  }

  /** As `DutyTeller.taken`. */
  get taken(): Duty | undefined {
    return this.#teller.taken;
  }

  /** As `DutyTeller.isPassive`. */
  get isPassive(): boolean {
    return this.#teller.isPassive;
  }

  /** What it may be told now. */
  now(): Duty {
    const { instance, folder, context } = this.#hosted;
    const { duty } = instance.spec;
    // What uses the thing already goes on: others wait for it.
    const isUser = this.#holder.isRunning() && (this.#teller.wanted ?? folder.readDuty()) !== "passive";
    const rival = isUser ? undefined : context.rival(this.#holder.runner);
    const isNew = rival !== undefined && rival !== this.#rival;
    this.#rival = rival;
    if (rival === undefined) return duty;
    const { name, uid } = rival.instance.metadata;
    if (isNew)
      this.#hosted.tell(
        "Warning",
        "StillInUse",
        `${name} (uid ${uid}), of another revision, may still use what only one revision may use: this one stays passive until that one has ended, or is passive; nothing has to be done`,
      );
    return "passive";
  }

  /** Tells it what it may be told now, if that is news. */
  tell(): void {
    this.#teller.tell(this.now());
  }

  /** As `DutyTeller.assume`. */
  assume(duty: Duty): void {
    this.#teller.assume(duty);
  }

  /** As `DutyTeller.repeat`. */
  repeat(): void {
    void this.#teller.repeat();
  }

  #target(): ReturnType<DutyTellerOptions["target"]> {
    const { stateUrl, ports } = this.#hosted.instance.spec;
    const port = this.#hosted.network.ports[ports[0]?.name ?? ""];
    return stateUrl === undefined || port === undefined || !this.#holder.isRunning() ? undefined : { port, path: stateUrl.path };
  }
}
