import type { Instance } from "#/model/index.ts";
import type { NetworkRecord } from "./instance-folder.ts";
import { canListen } from "./ports.ts";
import type { RunnerContext } from "./runner.ts";

type Pools = Pick<RunnerContext, "ports" | "addresses" | "clock">;

/** `record` with a port for each of the spec's and, for services, an address as a caller; `record` itself if nothing is missing. */
export async function completeNetwork(record: NetworkRecord, one: Instance, { ports, addresses, clock }: Pools): Promise<NetworkRecord> {
  const { uid } = one.metadata;
  const missing = one.spec.ports.filter(({ name }) => record.ports[name] === undefined);
  const needsAddress = one.spec.run !== undefined && record.callerAddress === undefined;
  if (missing.length === 0 && !needsAddress) return record;
  const assigned: Record<string, number> = { ...record.ports };
  for (const { name } of missing) assigned[name] = await ports.take(`${uid} ${name}`, clock.now());
  return { ...record, ports: assigned, ...(needsAddress ? { callerAddress: await addresses.take(uid) } : {}) };
}

/** `record` with other numbers for ports, and another address, that a stranger or another site of this machine has taken while the instance was not running: with the old ones it would never start. */
export async function replaceTakenPorts(record: NetworkRecord, one: Instance, { ports, addresses, clock }: Pools): Promise<NetworkRecord> {
  const { callerAddress } = record;
  if (callerAddress !== undefined && !(await addresses.reserve(callerAddress))) {
    const another = { ...record, callerAddress: await addresses.take(one.metadata.uid) };
    addresses.giveBack(callerAddress);
    return await replaceTakenPorts(another, one, { ports, addresses, clock });
  }
  const taken: string[] = [];
  for (const [name, port] of Object.entries(record.ports))
    if (!(await ports.reserve(port)) || !(await canListen("127.0.0.1", port))) taken.push(name);
  if (taken.length === 0) return record;
  const assigned: Record<string, number> = { ...record.ports };
  for (const name of taken) assigned[name] = await ports.take(`${one.metadata.uid} ${name}`, clock.now());
  ports.giveBack(
    taken.map((name) => record.ports[name] ?? 0),
    clock.now(),
  );
  return { ...record, ports: assigned };
}

/** Takes what is on record, at the agent's start. */
export function keepNetwork(record: NetworkRecord, { ports, addresses }: Pools): void {
  ports.keep(Object.values(record.ports));
  if (record.callerAddress !== undefined) addresses.keep(record.callerAddress);
}

export function giveBackNetwork(record: NetworkRecord, { ports, addresses, clock }: Pools): void {
  ports.giveBack(Object.values(record.ports), clock.now());
  if (record.callerAddress !== undefined) addresses.giveBack(record.callerAddress);
}
