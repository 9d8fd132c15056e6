import { createSocket, type Socket } from "node:dgram";
import { describeError, type Log } from "#/base/index.ts";

export interface UdpPort {
  readonly address: string;
  readonly port: number;
  /** Why it is not the port that was wished. */
  readonly taken?: { readonly reason: "PortTaken" | "PortNotAllowed" | "AddressNotThere"; readonly message: string };
  send(datagram: Uint8Array, port: number, address: string): void;
  close(): Promise<void>;
}

export type TakeDatagram = (datagram: Buffer, from: { readonly address: string; readonly port: number }) => void;

/** Listens on `port` of `address`; where that is taken or not allowed on one of `others`, at last on any free one: the caller says so. */
export async function openUdp(address: string, port: number, others: readonly number[], take: TakeDatagram, log: Log): Promise<UdpPort> {
  let taken: UdpPort["taken"];
  for (const [at, tried] of [port, ...others, 0].entries()) {
    try {
      const socket = await bind(address, tried);
      socket.on("message", (datagram, from) => take(datagram, from));
      socket.on("error", (error) => log.error(`the SNMP port failed: ${describeError(error)}`));
      return {
        address,
        port: socket.address().port,
        ...(taken !== undefined && at > 0 && { taken }),
        // What cannot be sent is lost, as any datagram may be: who asked asks again.
        send: (datagram, toPort, to) => socket.send(datagram, toPort, to, () => undefined),
        close: () => new Promise((resolve) => socket.close(() => resolve())),
      };
    } catch (error) {
      taken ??= explain(error, address, tried);
      if (at === others.length + 1) throw error;
    }
  }
  throw new Error("no port was tried");
}

function bind(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4", recvBufferSize: 1024 * 1024 });
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

function explain(error: unknown, address: string, port: number): NonNullable<UdpPort["taken"]> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM")
    return {
      reason: "PortNotAllowed",
      message: `UDP port ${port} of ${address} may not be opened by this user: ports below 1024 take root, or sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
    };
  if (code === "EADDRINUSE")
    return {
      reason: "PortTaken",
      message: `UDP port ${port} of ${address} is taken by another program, an snmpd perhaps: stop it, or give listen.port of the SnmpAgent another number`,
    };
  return {
    reason: "AddressNotThere",
    message: `UDP port ${port} of ${address} cannot be opened: ${describeError(error)}; see listen.address of the SnmpAgent`,
  };
}
