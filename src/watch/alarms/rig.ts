import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Clock, type Given, ManualClock, silentLog, systemRandom } from "#/base/index.ts";
import { type Alarm, alarm, alarmChannel, host, instance, type Kind, microservice, resource, timestamp, update } from "#/model/index.ts";
import { Board } from "#/state/link/hub/index.ts";
import { type CentrePart, type PathCaller, partKind, type RunningParts, startParts, storedKinds } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { Message } from "./delivery/message.ts";
import type { Send } from "./delivery/sender.ts";
import { alarmsPartWith } from "./part.ts";

const THINGS: CentrePart = {
  name: "things",
  description: "What alarms are about, in tests.",
  kinds: [host, instance, microservice, resource, update].map((kind) => partKind(kind)),
  controllers: [],
};

export const ready = (status: "True" | "False" | "Unknown", reason: string, nowMs: number) => ({
  type: "Ready",
  status,
  reason,
  message: `it is ${reason}`,
  lastTransitionTime: timestamp(nowMs),
});

/** A real store; which engine, the test says. */
export type OpenStore = (clock: Clock, kinds: readonly Kind[]) => Promise<{ readonly store: Store; readonly close: () => Promise<void> }>;

/** The part of alarms over a real store, with a clock that a test moves and channels that only note what they are told. `isFailing`: none of them takes anything; `isHanging`: they take it and never say so. `send`: a real way, over which messages go first. */
export async function startAlarms(
  t: TestContext,
  open: OpenStore,
  { given = [], send }: { readonly given?: readonly Given[]; readonly send?: Send } = {},
) {
  const clock = new ManualClock();
  const sent: Message[] = [];
  const state = { isFailing: false, isHanging: false };
  let sending = 0;
  const parts = [
    THINGS,
    alarmsPartWith(async (spec, message, signal) => {
      if (send !== undefined) {
        sending += 1;
        await send(spec, message, signal).finally(() => {
          sending -= 1;
        });
      }
      if (state.isFailing) throw new Error("nobody takes it");
      sent.push(message);
      if (state.isHanging) await new Promise(() => {});
    }),
  ];
  const { store, close } = await open(clock, storedKinds(parts));
  const board = new Board(clock);
  let stop = new AbortController();
  let running: RunningParts | undefined;
  const start = async (): Promise<void> => {
    stop = new AbortController();
    running = await startParts({
      ...{ parts, given, store, board, epoch: 1, onDeposed: () => {}, clock, random: systemRandom, log: silentLog, signal: stop.signal },
      peers: undefined as never,
    });
  };
  const end = async (): Promise<void> => {
    stop.abort();
    await running?.ended;
  };
  await start();
  t.after(async () => {
    await end();
    await close();
  });
  /** Lets all that is due be done, `ms` later; `turns`: of the event loop at each moment at which something is due, fewer for a long time in which little is. */
  const pass = async (ms = 0, turns = 30): Promise<void> => {
    for (let leftMs = ms; ; ) {
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      // What goes over a real wire takes time that the clock does not know.
      while (sending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (leftMs <= 0) return;
      const stepMs = Math.min(leftMs, Math.max(1, (clock.nextTimer() ?? Number.POSITIVE_INFINITY) - clock.now()));
      clock.advance(stepMs);
      leftMs -= stepMs;
    }
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn++) await pass(20);
  };
  const alarms = async (type?: string): Promise<readonly Alarm[]> =>
    (await store.list(alarm)).items.filter(({ spec }) => type === undefined || spec.type === type);
  const stands = async (type: string): Promise<readonly (string | undefined)[]> => (await alarms(type)).map(({ status }) => status?.stands);
  const write = async (kind: typeof host | typeof instance | typeof microservice, name: string, status: object, spec?: object): Promise<void> => {
    const key = { name };
    if ((await store.get(kind, key)) === undefined) await store.create(kind as never, { metadata: { name }, spec: spec ?? {} } as never);
    await store.patch(kind as never, key, { type: "merge", body: { status } }, { subresource: "status" });
  };
  const channel = async (name: string, more: object = {}): Promise<void> => {
    await store.create(alarmChannel, { metadata: { name }, spec: { command: { command: ["true"] }, every: "1s", ...more } });
  };
  const path_ = (route: string) => running?.paths.find((one) => one.path === route) ?? assert.fail(route);
  const operate = async (body: object, caller: Partial<PathCaller> = {}) =>
    (await path_("/alarms/operate").serve({
      query: new URLSearchParams(),
      body,
      signal: new AbortController().signal,
      caller: { name: "anna", sees: () => true, seesAll: () => true, act: async () => {}, ...caller },
    })) as { items: { name: string; outcome: string; code?: string }[] };
  const post = async (body: unknown) =>
    await path_("/api/v2/alerts").serve({ query: new URLSearchParams(), body, signal: new AbortController().signal, caller: undefined as never });
  return { clock, store, board, sent, state, start, end, pass, settle, alarms, stands, write, channel, operate, post };
}
