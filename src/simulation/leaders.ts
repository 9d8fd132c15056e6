import type { CentrePort } from "./centre-port.ts";
import type { Dice } from "./dice.ts";
import { Leader } from "./leader.ts";
import type { Setting } from "./setting.ts";

/** The centres that lead, have led, or believe so, and the history that they lead in. */
export class Leaders {
  readonly #setting: Setting;
  readonly #dice: Dice;
  readonly #askBusy: (host: string, instance: string) => "busy" | "idle" | "unknown";
  #all: Leader[] = [];
  #count = 0;
  /** The store's own id, as a file beside its objects has it. */
  history = "simulated";
  #histories = 1;
  #onLook: (() => void) | undefined;

  constructor(setting: Setting, dice: Dice, askBusy: (host: string, instance: string) => "busy" | "idle" | "unknown") {
    this.#setting = setting;
    this.#dice = dice;
    this.#askBusy = askBusy;
  }

  get all(): readonly Leader[] {
    return this.#all;
  }

  get newest(): Leader | undefined {
    return this.#all.filter((one) => one.program.isAlive).at(-1);
  }

  start(): void {
    const name = `centre${++this.#count}`;
    const surroundings = {
      history: () => this.history,
      askBusy: this.#askBusy,
      looked: (leader: Leader) => this.#looked(leader),
      deposed: (leader: Leader) => this.#deposed(leader),
      foundBehind: (leader: Leader, gateway: string) => this.#foundBehind(leader, gateway),
    };
    this.#all = [...this.#all.filter((one) => one.program.isAlive), new Leader(this.#setting, surroundings, this.#dice.fork(), name)];
  }

  /** If none is there then. */
  startAfter(forMs: number): void {
    this.#setting.scheduler.after(forMs, () => {
      if (this.newest === undefined) this.start();
    });
  }

  /** The newest dies, and another one begins after `forMs` if none has. */
  kill(forMs: number): void {
    this.newest?.kill();
    this.startAfter(forMs);
  }

  /** The centre that a gateway reaches: mostly the newest. */
  toDial(dice: Dice, preferred: CentrePort | undefined): Leader | undefined {
    const open = this.#all.filter((one) => one.isLeading && one.program.isRunning);
    return open.find((one) => one === preferred) ?? (open.length > 1 && dice.chance(0.3) ? dice.pick(open) : open.at(-1));
  }

  beginHistory(): void {
    this.history = `simulated-${++this.#histories}`;
  }

  /** Calls `act` once, when the newest leader has looked whether it leads, and is about to change instances. */
  atNextLook(act: () => void): void {
    this.#onLook = act;
  }

  #looked(leader: Leader): void {
    if (leader !== this.newest) return;
    const act = this.#onLook;
    this.#onLook = undefined;
    act?.();
  }

  #deposed(leader: Leader): void {
    leader.kill();
    if (this.newest === undefined) this.start();
  }

  /** A gateway has shown `leader` that its store was put back: it begins a new history, and starts again. */
  #foundBehind(leader: Leader, gateway: string): void {
    const { judge, excuses } = this.#setting;
    // A store that more than one centre can write begins a history by a write that names the epoch.
    if (leader.epoch !== judge.site?.epoch || leader.isEnding) return;
    leader.isEnding = true;
    if (judge.era === 0) judge.violate("M", `by gateway ${gateway} a store that was never put back is taken for one that was`);
    judge.note(() => `${leader.program.name} finds by gateway ${gateway} that the store was put back`);
    this.beginHistory();
    judge.noticed(this.history);
    excuses.foundOut();
    leader.program.after(this.#dice.between(0, 20), () => {
      leader.kill();
      this.startAfter(this.#dice.between(10, 150));
    });
  }
}
