import type { Site } from "#/model/index.ts";
import type { Dice } from "./dice.ts";
import { SEEN_MS } from "./excuses.ts";
import type { Gateways } from "./gateways.ts";
import type { Hosts } from "./hosts.ts";
import type { Leaders } from "./leaders.ts";
import { type Fault, type Moment, WAIT_MAX_MS } from "./plan.ts";
import type { Setting } from "./setting.ts";
import type { Backup } from "./store.ts";

/** What faults befall. */
export interface Victims {
  readonly hosts: Hosts;
  readonly gateways: Gateways;
  readonly leaders: Leaders;
}

/** Inflicts what the scenario says. */
export class Faults {
  readonly #setting: Setting;
  readonly #victims: Victims;
  readonly #dice: Dice;
  #backup: Backup | undefined;

  constructor(setting: Setting, victims: Victims, dice: Dice) {
    this.#setting = setting;
    this.#victims = victims;
    this.#dice = dice;
  }

  /** What the store has now is what it is put back to later. */
  backUp(): void {
    this.#backup = this.#setting.store.backup();
  }

  inflict(fault: Fault): void {
    const { judge, excuses, scheduler, store, scenario } = this.#setting;
    const { hosts, gateways, leaders } = this.#victims;
    judge.note(() => `fault: ${JSON.stringify(fault)}`);
    excuses.disturbed(fault.forMs);
    const gateway = "gateway" in fault ? gateways.find(fault.gateway) : undefined;
    switch (fault.what) {
      case "kill-gateway":
        return this.#at(fault.when, () => {
          gateway?.kill();
          scheduler.after(fault.forMs, () => gateway?.start());
        });
      case "restart-gateway":
        gateway?.stop();
        scheduler.after(fault.forMs + WAIT_MAX_MS, () => gateway?.start());
        return;
      case "lose-table":
        gateway?.kill();
        gateway?.loseTable();
        excuses.lostTables.add(fault.gateway);
        scheduler.after(fault.forMs, () => gateway?.start());
        return;
      case "end-gateway":
        gateway?.kill("its gateway was declared dead");
        if (gateway !== undefined) gateway.hasEnded = true;
        this.#forget(fault.gateway, fault.forMs);
        return;
      case "cut-link":
        return gateway?.cutLink(fault.forMs);
      case "hang-link":
        return gateway?.hangLink(fault.forMs);
      case "slow-link": {
        const delay = gateways.delayOf(fault.gateway);
        delay.maxMs = fault.delayMs;
        scheduler.after(fault.forMs, () => {
          delay.maxMs = scenario.linkMaxMs;
        });
        return;
      }
      case "vanish":
        if (gateway === undefined) return;
        gateway.onTable = () => {
          gateway.onTable = () => {};
          gateway.cutLink(fault.forMs);
          leaders.kill(10);
        };
        return;
      case "kill-leader":
        return this.#at(fault.when, () => leaders.kill(fault.forMs));
      case "pause-leader":
        return this.#at(fault.when, () => this.#pauseLeader(fault.forMs));
      case "second-leader":
        return leaders.start();
      case "put-back":
        return this.#putBack(fault);
      case "pause-agent": {
        const agent = hosts.agent(fault.host);
        agent?.pause();
        scheduler.after(fault.forMs, () => agent?.resume());
        return;
      }
      case "starve-host":
        return hosts.agent(fault.host)?.starve(fault.forMs);
      case "break-watch":
        return leaders.newest?.breakWatch(fault.kind, fault.forMs);
      case "stall-store":
        store.stalledUntilMs = scheduler.elapsedMs + fault.forMs;
        return;
      case "crash-instance":
        return hosts.crash(fault.service, fault.index, fault.forMs);
    }
  }

  /** Acts at a certain moment; at once if it does not come about soon. */
  #at(when: Moment, act: () => void): void {
    if (when === "now") return act();
    const { scheduler, store } = this.#setting;
    let isOver = false;
    let unlisten = (): void => {};
    const once = (): void => {
      if (isOver) return;
      isOver = true;
      unlisten();
      act();
    };
    if (when === "look") {
      this.#victims.leaders.atNextLook(once);
      scheduler.after(WAIT_MAX_MS, once);
      return;
    }
    unlisten = store.listen((kind, before, after) => {
      const isMarked = kind === "Instance" && before?.metadata.deletionTimestamp === undefined && after?.metadata.deletionTimestamp !== undefined;
      const isClosed = kind === "Site" && isOneLess(before as Site | undefined, after as Site | undefined);
      const moments: Record<Exclude<Moment, "now" | "look">, boolean> = {
        issue: kind === "Generation" && before === undefined,
        decision: kind === "Site",
        closing: isClosed,
        deletion: isMarked,
      };
      const isIt = moments[when];
      // The answer of the write is still on its way to whoever made it.
      if (isIt) scheduler.after(0, once);
    });
    scheduler.after(WAIT_MAX_MS, once);
  }

  /** The leader stops as a process does under SIGSTOP; another one is elected; then the former one goes on, and finds out in its own time. */
  #pauseLeader(forMs: number): void {
    const { scheduler, judge } = this.#setting;
    const { leaders, gateways } = this.#victims;
    const leader = leaders.newest;
    if (leader === undefined || leader.program.isPaused) return;
    leader.program.pause();
    for (const link of leader.links) if (this.#dice.chance(0.8)) scheduler.after(this.#dice.between(10, Math.max(20, forMs)), () => link.cut(10));
    scheduler.after(this.#dice.between(10, Math.max(20, forMs)), () => {
      if (leaders.newest === leader) leaders.start();
    });
    scheduler.after(forMs, () => {
      judge.note(() => `${leader.program.name} goes on`);
      leader.program.resume();
      for (const gateway of gateways.all) if (gateway.isUp && this.#dice.chance(0.5)) gateway.preferNext(leader);
    });
  }

  /** The centre stops, an older store takes the place of its own, and the centre starts again. */
  #putBack({ how, isWhole, forMs }: Fault & { readonly what: "put-back" }): void {
    if (this.#backup === undefined) return;
    const { scheduler, store, judge, excuses } = this.#setting;
    const { hosts, gateways, leaders } = this.#victims;
    for (const leader of leaders.all) leader.kill();
    const running = isWhole ? gateways.all.filter((one) => one.isUp) : [];
    for (const one of running) one.kill();
    store.putBack(this.#backup, forMs);
    if (how === "restored") leaders.beginHistory();
    const { Site: sites, Generation: generations } = this.#backup;
    judge.putBack(how, leaders.history, sites[0], generations);
    if (isWhole) for (const agent of hosts.agents()) agent.stopAll(forMs);
    excuses.putBack(forMs);
    for (const one of running) scheduler.after(forMs + this.#dice.between(0, 100), () => one.start());
    leaders.startAfter(forMs);
    // Who was declared dead since then is in the register again.
    for (const { plan, hasEnded } of gateways.all)
      if (hasEnded && store.get("Gateway", plan.name) !== undefined) this.#forget(plan.name, forMs + SEEN_MS);
  }

  /** A person declares a gateway dead, and once more if a slow request has registered it afterwards. */
  #forget(gateway: string, afterMs: number): void {
    const { scheduler, store } = this.#setting;
    const forget = (): void => {
      scheduler.after(afterMs, () => store.delete("Gateway", gateway));
    };
    forget();
    store.listen((kind, before, after) => {
      if (kind === "Gateway" && before === undefined && after?.metadata.name === gateway) forget();
    });
  }
}

function isOneLess(before: Site | undefined, after: Site | undefined): boolean {
  return (after?.status?.generations?.length ?? 0) < (before?.status?.generations?.length ?? 0);
}
