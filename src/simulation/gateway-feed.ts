import type { GatewayCore } from "#/traffic/gateway/core/index.ts";
import type { Table, TableMessage, TablePosition, TableUpdate } from "#/traffic/routing/index.ts";
import type { CentrePort } from "./centre-port.ts";
import type { Dice } from "./dice.ts";
import type { Link, LinkDelay } from "./link.ts";
import type { GatewayPlan } from "./plan.ts";
import type { Program } from "./program.ts";
import type { Setting } from "./setting.ts";

/** As in src/traffic/gateway/. */
const TICK_MS = 250;
const QUIET_MS = 2000;
const ACK_AGAIN_MS = 250;
const STREAM_AGAIN_MS = 500;

/** What a start of a gateway leaves behind for the next one. */
export interface GatewayDisk {
  incarnation: number;
  /** A start has not ended orderly yet. */
  isRunning: boolean;
  uncleanMs: number | undefined;
  table: Table | undefined;
  /** How often the store had been put back when the centre of this table began. */
  era: number;
}

/** How a gateway comes to a centre, whichever of its starts asks. */
export interface GatewayWay {
  /** No link comes about before this. */
  unreachableUntilMs: number;
  /** Its next link leads to this centre. */
  preferred: CentrePort | undefined;
}

/** The centres, and the ways there. */
export interface FeedSurroundings {
  /** The centre that a gateway reaches: mostly the newest. */
  centreToDial(dice: Dice, preferred: CentrePort | undefined): CentrePort | undefined;
  delayOf(gateway: string): LinkDelay;
}

export interface GatewayFeedOptions {
  readonly setting: Setting;
  readonly surroundings: FeedSurroundings;
  readonly plan: GatewayPlan;
  readonly dice: Dice;
  readonly program: Program;
  readonly core: GatewayCore;
  readonly disk: GatewayDisk;
  readonly way: GatewayWay;
  /** Another gateway may yet show that a file was copied back. */
  readonly canOthersShow: () => boolean;
  /** Called after each table that is taken. */
  readonly onTable: () => void;
  /** Called at each beat, before what is counted is told. */
  readonly onTick: () => void;
}

/** What one start of a gateway hears from a centre and tells it, as LinkFeed and Gateway do it: tables, kept on its disk before they are acknowledged, counting rounds, reports. */
export class GatewayFeed {
  readonly #options: GatewayFeedOptions;
  #link: Link | undefined;
  #centre: CentrePort | undefined;
  #subscription = 0;
  /** Of the table on its disk. */
  #durable: TablePosition | undefined;
  #acknowledged: TablePosition | undefined;
  #reported: TablePosition | undefined;
  #isWriting = false;
  #pending: { readonly table: Table; readonly era: number } | undefined;
  #era: number;
  #round = 0;
  #lastReportMs = Number.NEGATIVE_INFINITY;

  /** Begins with the table on its disk. */
  constructor(options: GatewayFeedOptions) {
    this.#options = options;
    const { core, disk } = options;
    this.#era = disk.era;
    if (disk.table === undefined) return;
    core.update({ table: disk.table });
    this.#durable = disk.table.position;
  }

  /** How often the store had been put back when the centre of its table began. */
  get era(): number {
    return this.#era;
  }

  get durable(): TablePosition | undefined {
    return this.#durable;
  }

  start(): void {
    this.#tick();
    this.#dialLater();
  }

  /** Its link breaks, and is noticed within `noticeMs`; it dials again. */
  cut(noticeMs: number): void {
    this.#link?.cut(noticeMs);
  }

  /** Its process has died. */
  end(): void {
    this.#link?.cut(5);
    this.#link = undefined;
  }

  #dialLater(): void {
    const { dice, way, setting, program } = this.#options;
    const waitMs = Math.max(dice.between(5, 120), way.unreachableUntilMs - setting.scheduler.elapsedMs);
    program.after(waitMs, () => this.#dial());
  }

  #dial(): void {
    if (this.#link !== undefined) return;
    const { surroundings, dice, way, program, plan, disk } = this.#options;
    const centre = surroundings.centreToDial(dice, way.preferred);
    way.preferred = undefined;
    if (centre === undefined) return this.#dialLater();
    const link = centre.open(program, surroundings.delayOf(plan.name), dice.fork());
    this.#link = link;
    this.#centre = centre;
    link.onGatewayClose = () => {
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#dialLater();
    };
    const { name, host, roles } = plan;
    const { incarnation, uncleanMs } = disk;
    const hello = { name, host, roles, incarnation, formerUncleanAgoMs: uncleanMs === undefined ? undefined : program.now() - uncleanMs };
    link.toCentre(() => centre.hello(link, hello));
    this.#subscribe();
    const again = (): void => {
      const position = this.#acknowledged;
      if (this.#link === link && position !== undefined) link.toCentre(() => centre.acknowledge(link, name, position));
    };
    again();
    program.after(ACK_AGAIN_MS, again);
  }

  #subscribe(): void {
    const { centre, link } = { centre: this.#centre, link: this.#link };
    const { core, program, plan } = this.#options;
    if (centre === undefined || link === undefined) return;
    const subscription = ++this.#subscription;
    const { known } = core.table;
    const isCurrent = (): boolean => this.#link === link && this.#subscription === subscription;
    const again = (): void => {
      if (isCurrent()) this.#subscribe();
    };
    const receive = (message: TableMessage | undefined): void => {
      link.toGateway(() => {
        if (!isCurrent()) return;
        if (message === undefined) program.after(STREAM_AGAIN_MS, again);
        else this.#hear(message);
      });
    };
    // What was heard of rounds on another connection must not be taken for an answer on this one.
    this.#round = 0;
    this.#reportNow();
    link.toCentre(() => centre.subscribe(link, plan.name, known, receive));
  }

  #hear(message: TableMessage): void {
    if ("round" in message) {
      this.#round = message.round;
      this.#reportNow();
    } else if ("load" in message) this.#options.core.load(message.load);
    else this.#update(message);
  }

  #update(update: TableUpdate): void {
    const { core, program, setting, plan, canOthersShow, onTable } = this.#options;
    const applied = core.update(update);
    if (applied === "gap") {
      program.after(0, () => this.#subscribe());
      return;
    }
    const { table } = core.table;
    if ("table" in update) {
      const { position, entries } = update.table;
      setting.judge.note(
        () => `gateway ${plan.name} hears table ${formatPosition(position)}, which stamps ${entries.stamp[""]?.generation ?? "nothing"}: ${applied}`,
      );
    }
    if (applied === "older" || table === undefined) return;
    this.#era = this.#centre?.era ?? this.#era;
    // Where a file was copied back, one that has a table of before may show that yet.
    if (!canOthersShow()) setting.judge.believe(plan.name, table.position.history, table.entries.generation);
    this.#save(table);
    onTable();
  }

  #save(table: Table): void {
    this.#pending = { table, era: this.#era };
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#write();
  }

  #write(): void {
    const { setting, dice, program, disk, plan } = this.#options;
    const pending = this.#pending as { readonly table: Table; readonly era: number };
    const { table, era } = pending;
    const { slowDiskShare } = setting.scenario;
    const isSlow = dice.chance(slowDiskShare) && setting.excuses.hasStarted;
    const needsMs = isSlow ? dice.between(10, slowDiskShare > 0.1 ? 600 : 150) : dice.between(0.5, 8);
    program.after(needsMs, () => {
      disk.table = table;
      disk.era = era;
      this.#durable = table.position;
      this.#acknowledged = table.position;
      const { position } = table;
      const { centre, link } = { centre: this.#centre, link: this.#link };
      if (centre !== undefined && link !== undefined) link.toCentre(() => centre.acknowledge(link, plan.name, position));
      if (pending === this.#pending) this.#isWriting = false;
      else this.#write();
    });
  }

  #tick(): void {
    const { program, core, onTick } = this.#options;
    program.after(TICK_MS, () => {
      onTick();
      if (core.hasChanged || this.#durable !== this.#reported || program.monotonic() - this.#lastReportMs >= QUIET_MS) this.#reportNow();
      this.#tick();
    });
  }

  #reportNow(): void {
    const { core, program, plan } = this.#options;
    const { centre, link } = { centre: this.#centre, link: this.#link };
    if (this.#durable === undefined || centre === undefined || link === undefined) return;
    const report = core.report({ position: this.#durable, round: this.#round, nowMs: program.monotonic(), listenFailures: [] });
    link.toCentre(() => centre.report(link, plan.name, report));
    core.reported();
    this.#reported = report.position;
    this.#lastReportMs = program.monotonic();
  }
}

export function formatPosition(position: TablePosition | undefined): string {
  return position === undefined ? "none" : `${position.epoch}/${position.version}`;
}
