import type { Probe } from "#/model/index.ts";
import { deadline, describeConnectError } from "../connect-error.ts";
import type { Observe } from "../contract.ts";
import { connectOnce } from "./connect.ts";

const ADDRESS = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]\s]+)):(?<port>\d{1,5})$/;

/** Whether an address takes connections, and how quickly: `{reachable: true, connectMs: 1.2}`. */
export const observeTcp: Observe<NonNullable<Probe["tcp"]>> = async (spec, _context, { timeoutMs, signal }) => {
  const groups = ADDRESS.exec(spec.address)?.groups;
  const host = groups?.["v6"] ?? groups?.["name"];
  const port = Number(groups?.["port"]);
  if (host === undefined || port < 1 || port > 65_535)
    return { error: `${JSON.stringify(spec.address)} is no address; write host:port or [IPv6]:port` };
  try {
    const connectMs = await connectOnce(host, port, deadline(timeoutMs, signal));
    return { observed: { reachable: true, connectMs: Math.round(connectMs * 10) / 10 } };
  } catch (error) {
    signal?.throwIfAborted();
    return { error: describeConnectError(error, spec.address, timeoutMs) };
  }
};
