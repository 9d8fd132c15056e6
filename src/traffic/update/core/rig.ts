import assert from "node:assert/strict";
import type { GateVerdict } from "./gate.ts";
import type { Observed, UpdateIntent } from "./observed.ts";
import type { GenerationMap, SiteState, Wait } from "./state.ts";
import { step } from "./step.ts";

export const START_MS = 1_800_000_000_000;

/** A site that can be watched and moved by hand. */
export class World {
  nowMs = START_MS;
  state: SiteState = { history: "h", epoch: 1, counter: 0, generations: [], refused: [], fenced: [], moves: [], exclusive: [] };
  readonly maps = new Map<number, GenerationMap>();
  readonly wanted = new Map<string, string>();
  readonly unready = new Map<string, string>();
  readonly knows = new Set<number>();
  readonly empty = new Set<number>();
  /** Generation and part of it. */
  readonly emptyParts = new Set<string>();
  gateways: Observed["gateways"] = [
    { name: "main", host: "a", isConnected: true, knows: (generation) => this.knows.has(generation), awaitedMs: () => START_MS },
  ];
  openMax = 4;
  /** True: what is unready is so because its host has not been heard. */
  isHostUnheard = false;
  replicas = 1;
  readyOn = new Map([["a", 1]]);
  intent: UpdateIntent | undefined;
  readonly ways = new Map<string, Pick<UpdateIntent, "strategy" | "ramp">>();
  readonly handovers = new Map<string, "hold" | "compatible">();
  /** Exclusive services, and the revisions of which instances are there. */
  readonly exclusive = new Map<string, Map<string, boolean>>();
  interlock: Wait | undefined;
  /** Refused revisions that a person asks for again. */
  readonly askedAgain = new Set<string>();
  /** Revisions whose instances are ready, but not yet active. */
  readonly passive = new Set<string>();
  gate: GateVerdict | undefined;
  happened: string[] = [];
  waits = new Map<number, readonly { readonly reason: string; readonly sinceMs: number; readonly message: string }[]>();
  wantedChangedMs = START_MS - 10_000;
  readonly leftOut = new Set<string>();
  unsettled: readonly Wait[] = [];

  observed(): Observed {
    return {
      policy: { openMax: this.openMax, settleMs: 500, holdMs: 5000, readyWithinMs: 60_000 },
      wanted: new Map(this.wanted),
      wantedChangedMs: this.wantedChangedMs,
      leftOut: this.leftOut,
      unsettled: this.unsettled,
      mapOf: (generation) => this.maps.get(generation),
      readinessOf: (revision) =>
        this.unready.has(revision)
          ? { wanted: this.replicas, ready: 0, toldCallable: this.isHostUnheard ? this.replicas : 0, reason: this.unready.get(revision) ?? "" }
          : { wanted: this.replicas, ready: this.replicas, active: this.passive.has(revision) ? 0 : this.replicas, readyOn: this.readyOn },
      gateways: this.gateways,
      drainOf: (generation, scope) => ({
        isEmpty: this.empty.has(generation) || (scope !== undefined && this.emptyParts.has(`${generation} ${scope}`)),
        waits: [{ reason: "TransactionsOpen", object: "gateway/main", sinceMs: START_MS, message: "2 calls are open" }],
      }),
      updateFor: () => this.intent,
      updateNamed: () => this.intent,
      gateOf: () => this.gate,
      exclusive: this.exclusive,
      howOf: (service) => this.ways.get(service),
      handoverOf: (service) => this.handovers.get(service),
      interlockOf: () => this.interlock,
      isAskedAgain: (refusal) => this.askedAgain.has(refusal.revision),
      numberMax: Math.max(0, ...this.maps.keys()),
    };
  }

  /** Steps until nothing changes. */
  settle(): void {
    for (let round = 0; round < 50; round++) {
      const result = step(this.state, this.observed(), this.nowMs);
      if (result.issue !== undefined) this.maps.set(result.issue.number, result.issue.map);
      this.happened.push(...result.happened.map((one) => `${one.what} ${one.generation}`));
      this.waits = new Map(result.waits);
      if (result.site === this.state) return;
      this.state = result.site;
    }
    assert.fail("does not settle");
  }

  phases(): string {
    return this.state.generations.map((one) => `${one.number}:${one.phase}`).join(" ");
  }

  want(service: string, revision: string): this {
    this.wanted.set(service, revision);
    this.wantedChangedMs = this.nowMs - 10_000;
    return this;
  }
}

/** A site that serves generation 1: auth-v1 and portal-v1. */
export function runningSite(): World {
  const world = new World().want("auth", "auth-v1").want("portal", "portal-v1");
  world.knows.add(1);
  world.settle();
  world.happened = [];
  return world;
}
