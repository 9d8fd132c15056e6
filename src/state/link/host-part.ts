import { type Lifecycle, OrreryError, type Port } from "#/base/index.ts";
import type { Link, LinkHandlers } from "./contract.ts";

/** What a capability gives to a process of a host (an agent, a gateway), as one value from its own room. `apps/` lists the parts. */
export interface HostPart<Context extends HostContext = HostContext, Worker extends HostWorker = HostWorker> {
  readonly name: string;
  /** Called once, in the order of the list. */
  readonly start: (context: Context) => Worker | Promise<Worker>;
}

/** What each process of a host has for its parts. */
export interface HostContext {
  /** Stops in the reverse order what was added. */
  readonly lifecycle: Lifecycle;
  /** What a part before it has given at `port`.
   *  @throws part/not-given */
  use<T>(port: Port<T>): T;
  give<T>(port: Port<T>, value: T): void;
}

/** What was started. Every member may be missing. */
export interface HostWorker {
  /** What the centre may ask over the link. */
  readonly handlers?: LinkHandlers;
  /** A link was opened: what has gathered goes out. */
  connected?(link: Link): void;
  disconnected?(): void;
}

/** Values that parts of one process give to each other. */
export function partPorts(): Pick<HostContext, "use" | "give"> {
  const values = new Map<Port<unknown>, unknown>();
  return {
    use<T>(port: Port<T>): T {
      if (!values.has(port)) throw new OrreryError("part/not-given", `${port.name} is used, and no part before gives it: list the part that does`);
      return values.get(port) as T;
    },
    give: (port, value) => void values.set(port, value),
  };
}

/** Starts the parts one after the other. */
export async function startHostParts<Context extends HostContext, Worker extends HostWorker>(
  parts: readonly HostPart<Context, Worker>[],
  context: Context,
): Promise<readonly Worker[]> {
  const workers: Worker[] = [];
  for (const part of parts) workers.push(await part.start(context));
  return workers;
}

/** All workers as one towards the link.
 *  @throws part/twice: two answer the same method */
export function joinWorkers(workers: readonly HostWorker[]): Required<HostWorker> {
  const all = <K extends keyof LinkHandlers>(what: K): NonNullable<LinkHandlers[K]> => {
    const entries = workers.flatMap((one) => Object.entries(one.handlers?.[what] ?? {}));
    const twice = entries.find(([method], index) => entries.findIndex((one) => one[0] === method) < index);
    if (twice !== undefined) throw new OrreryError("part/twice", `two parts answer ${twice[0]}: name the method of one of them otherwise`);
    return Object.fromEntries(entries) as NonNullable<LinkHandlers[K]>;
  };
  return {
    handlers: { calls: all("calls"), streams: all("streams"), notices: all("notices") },
    connected(link) {
      for (const one of workers) one.connected?.(link);
    },
    disconnected() {
      for (const one of workers) one.disconnected?.();
    },
  };
}
