import type { Dice } from "./dice.ts";
import type { Program } from "./program.ts";
import type { Scheduler } from "./scheduler.ts";

/** How long messages of a link are on the way; may be changed while it is open. */
export interface LinkDelay {
  minMs: number;
  maxMs: number;
}

/** One end of a connection. */
class End {
  readonly program: Program;
  onClose: () => void = () => {};
  lastMs = 0;
  isOpen = true;
  /** After a cut: what would arrive later than this does not. */
  deafFromMs = Number.POSITIVE_INFINITY;

  constructor(program: Program) {
    this.program = program;
  }
}

/** A connection between a gateway and a centre, which is all that TCP promises: in each direction messages come in order, once, late. When it is cut, what is on its way may arrive up to some point, and nobody knows to which; each end learns of the cut at its own time. What is not known to have arrived is sent again on the next connection: so it may come twice. */
export class Link {
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #delay: LinkDelay;
  readonly #gateway: End;
  readonly #centre: End;
  #isCut = false;

  constructor(options: {
    readonly scheduler: Scheduler;
    readonly dice: Dice;
    readonly delay: LinkDelay;
    readonly gateway: Program;
    readonly centre: Program;
  }) {
    this.#scheduler = options.scheduler;
    this.#dice = options.dice;
    this.#delay = options.delay;
    this.#gateway = new End(options.gateway);
    this.#centre = new End(options.centre);
  }

  set onGatewayClose(callback: () => void) {
    this.#gateway.onClose = callback;
  }

  set onCentreClose(callback: () => void) {
    this.#centre.onClose = callback;
  }

  toCentre(receive: () => void): void {
    this.#send(this.#gateway, this.#centre, receive);
  }

  toGateway(receive: () => void): void {
    this.#send(this.#centre, this.#gateway, receive);
  }

  #send(from: End, to: End, receive: () => void): void {
    if (!from.isOpen || this.#isCut) return;
    to.lastMs = Math.max(to.lastMs, this.#scheduler.elapsedMs + this.#dice.between(this.#delay.minMs, this.#delay.maxMs));
    this.#scheduler.after(to.lastMs - this.#scheduler.elapsedMs, () => {
      if (this.#scheduler.elapsedMs > to.deafFromMs) return;
      to.program.deliver(() => {
        if (to.isOpen) receive();
      });
    });
  }

  /** What is on the way is lost, from some point on; both ends learn of it within `noticeMs`. */
  cut(noticeMs: number): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const end of [this.#gateway, this.#centre]) {
      end.deafFromMs = this.#scheduler.elapsedMs + (this.#dice.chance(0.5) ? this.#dice.between(0, noticeMs) : 0);
      this.#scheduler.after(this.#dice.between(0, noticeMs), () => end.program.deliver(() => this.#close(end)));
    }
  }

  /** One end hangs up; the other learns of it after what is still on the way to it. */
  closeFrom(side: "gateway" | "centre"): void {
    const [own, other] = side === "gateway" ? [this.#gateway, this.#centre] : [this.#centre, this.#gateway];
    if (!own.isOpen) return;
    this.#send(own, other, () => this.#close(other));
    this.#close(own);
  }

  #close(end: End): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    end.onClose();
  }
}
