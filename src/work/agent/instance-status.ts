import { type ConditionInput, type Duty, type Instance, setCondition, timestamp } from "#/model/index.ts";
import { type InstanceState, restartOfNote } from "./core/index.ts";
import type { NetworkRecord } from "./instance-folder.ts";

export type InstanceStatus = NonNullable<Instance["status"]>;

export interface StatusFacts {
  readonly state: InstanceState;
  readonly network: NetworkRecord;
  /** Duty that the instance has been told, and, where it wants to be told by a call, has answered. */
  readonly duty: Duty | undefined;
  /** Addresses outside of the loopback on which it listens. */
  readonly openAddresses: readonly string[];
  readonly host: string;
  readonly generation: number;
  /** The conditions before. */
  readonly conditions: InstanceStatus["conditions"];
  readonly nowMs: number;
}

/** What the centre is told of an instance; `observedAt` is added when it is written. */
export function buildStatus(facts: StatusFacts): InstanceStatus {
  const { state, network, duty, host, nowMs } = facts;
  const { running, lastExit } = state;
  const hasPorts = Object.keys(network.ports).length > 0;
  return {
    phase: state.phase,
    ready: state.isReady,
    ...(state.isUnanswered === true ? { unanswered: true } : {}),
    ...(state.isAvailable === true ? { available: true } : {}),
    ...(running === undefined ? {} : { pid: running.pid, startedAt: timestamp(running.startedAtMs) }),
    ...restarted(running?.runHash),
    ...(hasPorts ? { ports: { ...network.ports } } : {}),
    ...(network.callerAddress === undefined ? {} : { callerAddress: network.callerAddress }),
    ...(duty === undefined ? {} : { duty }),
    restarts: state.restarts,
    ...(state.result === undefined
      ? {}
      : {
          outcome: state.result.outcome,
          ...(state.result.startedAtMs === undefined ? {} : { startedAt: timestamp(state.result.startedAtMs) }),
        }),
    ...(lastExit === undefined
      ? {}
      : {
          lastExit: {
            ...(lastExit.code === undefined ? {} : { code: lastExit.code }),
            ...(lastExit.signal === undefined ? {} : { signal: lastExit.signal }),
            at: timestamp(lastExit.atMs),
            lines: [...lastExit.lines],
          },
        }),
    conditions:
      conditionsOf(facts).reduce<InstanceStatus["conditions"]>((list, input) => [...setCondition(list, input, nowMs)], facts.conditions) ?? [],
    observedBy: host,
  };
}

function restarted(note: string | undefined): Pick<InstanceStatus, "restartedAt"> {
  const restartedAt = restartOfNote(note);
  return restartedAt === undefined ? {} : { restartedAt };
}

function conditionsOf({ state, openAddresses, generation, conditions }: StatusFacts): ConditionInput[] {
  const inputs: ConditionInput[] = [
    { type: "Ready", status: state.isReady ? "True" : "False", reason: state.reason, message: state.message, observedGeneration: generation },
  ];
  if (openAddresses.length > 0) {
    inputs.push({
      type: "LoopbackOnly",
      status: "False",
      reason: "ListensElsewhere",
      message: `it listens on ${openAddresses.join(", ")}, where calls come past the gateway; let it listen on the address in HOST and the port in PORT`,
    });
  } else if (conditions?.some((one) => one.type === "LoopbackOnly" && one.status === "False") === true) {
    inputs.push({ type: "LoopbackOnly", status: "True", reason: "LoopbackOnly", message: "it listens on the loopback only" });
  }
  return inputs;
}
