/** What several rounds of one kind say together. */
import { randomBelow, seededRandom } from "#/base/index.ts";
import { median, quantile, round } from "../harness/report.ts";
import type { Answer } from "./load.ts";
import type { Round } from "./rounds.ts";

export interface Latency {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Summary {
  readonly rounds: number;
  readonly requests: number;
  readonly mixed: number;
  readonly failed: number;
  /** Of requests due before, during (from the asking until the last old process is gone) and after the change; ms. */
  readonly before: Latency;
  readonly during: Latency;
  readonly after: Latency;
  /** From the new instances' readiness until the last request that still met the old version began, medians and the worst; ms. */
  readonly switchMs: Spread | undefined;
  /** From the end of the last request that met the old version until its processes were told to end; ms. */
  readonly withdrawMs: Spread | undefined;
  /** From the asking until all are ready, and until the last old process is gone; ms. */
  readonly readyMs: Spread;
  readonly goneMs: Spread;
  readonly extraInstanceSeconds: Spread;
  /** Requests that were held in a round on average, and how long each; ms. */
  readonly held: { readonly perRound: number; readonly meanMs: number };
  /** First failures and mixes. */
  readonly details: readonly string[];
}

export interface Ratio {
  readonly value: number;
  /** 90 % of what the same number of rounds, drawn from these with replacement, come to (percentile bootstrap; rounds are drawn whole, since what disturbs one request disturbs its neighbours). */
  readonly low: number;
  readonly high: number;
}

export interface Spread {
  readonly median: number;
  readonly max: number;
}

export function summarize(rounds: readonly Round[]): Summary {
  const all = rounds.flatMap((one) => one.answers);
  const within = (isIn: (answer: Answer, of: Round) => boolean): Latency =>
    latency(rounds.flatMap((one) => one.answers.filter((answer) => isIn(answer, one))));
  const updates = rounds.filter((one) => one.from !== one.to);
  return {
    rounds: rounds.length,
    requests: all.length,
    mixed: all.filter((one) => one.outcome === "mixed").length,
    failed: all.filter((one) => one.outcome === "failed").length,
    before: within((answer, of) => answer.dueMs < of.startedMs),
    during: within(isDuring),
    after: within((answer, of) => answer.dueMs > of.startedMs + of.marks.goneMs),
    switchMs: updates.length === 0 ? undefined : spread(updates.map((one) => Math.max(0, lastOld(one, "dueMs") - one.startedMs - one.marks.readyMs))),
    withdrawMs: updates.length === 0 ? undefined : spread(updates.map((one) => one.startedMs + one.marks.withdrawnMs - lastOld(one, "endMs"))),
    readyMs: spread(rounds.map((one) => one.marks.readyMs)),
    goneMs: spread(rounds.map((one) => one.marks.goneMs)),
    extraInstanceSeconds: spread(
      rounds.map((one) => one.extraInstanceSeconds),
      1,
    ),
    held: heldOf(rounds),
    details: [...new Set(all.filter((one) => one.outcome !== "ok").map((one) => `${one.outcome}: ${one.detail.slice(0, 200)}`))].slice(0, 5),
  };
}

const RESAMPLES = 2000;

/** 99th percentile of the requests due during changes, to that of `others`. */
export function p99Ratio(rounds: readonly Round[], others: readonly Round[]): Ratio {
  const [own, other] = [rounds.map(duringTimes), others.map(duringTimes)];
  const random = seededRandom(1);
  const drawn = (from: readonly (readonly number[])[]): readonly (readonly number[])[] =>
    from.map(() => from[randomBelow(random, from.length)] ?? []);
  const p99 = (of: readonly (readonly number[])[]): number => quantile(of.flat(), 0.99);
  const resampled = Array.from({ length: RESAMPLES }, () => p99(drawn(own)) / p99(drawn(other)));
  return { value: round(p99(own) / p99(other), 2), low: round(quantile(resampled, 0.05), 2), high: round(quantile(resampled, 0.95), 2) };
}

function duringTimes(of: Round): readonly number[] {
  return of.answers.filter((one) => isDuring(one, of)).map((one) => one.endMs - one.dueMs);
}

function isDuring({ dueMs }: Answer, { startedMs, marks }: Round): boolean {
  return dueMs >= startedMs && dueMs <= startedMs + marks.goneMs;
}

/** The latest beginning or end of a request that met the old version. */
function lastOld(of: Round, which: "dueMs" | "endMs"): number {
  return Math.max(...of.answers.filter((answer) => answer.version.includes(of.from)).map((answer) => answer[which]));
}

function latency(answers: readonly Answer[]): Latency {
  const times = answers.map((one) => one.endMs - one.dueMs);
  return { requests: times.length, p50: round(quantile(times, 0.5)), p99: round(quantile(times, 0.99)) };
}

function spread(values: readonly number[], digits = 0): Spread {
  return { median: round(median(values), digits), max: round(Math.max(...values), digits) };
}

function heldOf(rounds: readonly Round[]): Summary["held"] {
  const total = rounds.reduce((sum, one) => sum + one.held.total, 0);
  const timeSumMs = rounds.reduce((sum, one) => sum + one.held.timeSumMs, 0);
  return { perRound: round(total / Math.max(1, rounds.length), 1), meanMs: total === 0 ? 0 : round(timeSumMs / total) };
}
