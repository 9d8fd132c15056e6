import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "#/base/index.ts";
import type { Probe } from "#/model/index.ts";
import type { Observe } from "../contract.ts";
import { HostUseReader } from "./use.ts";

/** Between the two readings that the processors' use is counted from. */
const WINDOW_MS = 250;

/** Use of the host itself, as `HostUse`. */
export const observeHost: Observe<NonNullable<Probe["host"]>> = async (_spec, _context, { timeoutMs, signal }) => {
  try {
    const reader = new HostUseReader();
    await reader.read();
    await wait(Math.min(WINDOW_MS, timeoutMs), undefined, signal === undefined ? {} : { signal });
    return { observed: { ...(await reader.read()) } };
  } catch (error) {
    signal?.throwIfAborted();
    return { error: `cannot read the host's use: ${describeError(error)}` };
  }
};
