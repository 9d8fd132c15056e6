import { createServer, type Server, type Socket } from "node:net";
import { type Clock, describeError, type LastGuard, type Log, OrreryError } from "#/base/index.ts";
import type { Broker } from "../model/index.ts";
import { Alarms } from "./alarms.ts";
import type { Authority } from "./authority.ts";
import { Connection } from "./connection.ts";
import type { ClientLimits } from "./session-home.ts";

export interface BrokerServerOptions {
  readonly broker: Broker;
  readonly authority: Authority;
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly guard: LastGuard;
  /** Free bytes of the disk that the broker writes to; `undefined`: unknown. */
  readonly freeBytes: () => Promise<number | undefined>;
  readonly limits?: Partial<ServerLimits>;
}

export interface ServerLimits extends ClientLimits {
  readonly connectionsMax: number;
  /** Bytes of messages in memory above which nothing more is taken. */
  readonly memoryBytesMax: number;
  /** Free bytes of the disk below which nothing more is taken. */
  readonly freeBytesMin: number;
}

const MIB = 1024 * 1024;

const DEFAULT_LIMITS: ServerLimits = {
  connectionsMax: 10_000,
  memoryBytesMax: 512 * MIB,
  freeBytesMin: 256 * MIB,
  messageBytesMax: 16 * MIB,
  frameBytesMax: 128 * 1024,
  channelsMax: 2047,
  heartbeatS: 60,
  handshakeMs: 10_000,
  unreadBytesMax: MIB,
  heldBytesMax: 256 * 1024,
  heldBytesMaxOfAll: 64 * MIB,
};

export interface BrokerServer {
  readonly port: number;
  readonly connectionCount: number;
  /** Why messages are not taken now; `undefined`: they are. */
  readonly alarm: string | undefined;
  /** Ends all connections, each told so, and listens no longer. */
  stop(): Promise<void>;
}

/** Serves AMQP 0-9-1 to whoever connects. @throws broker/cannot-listen: the address is taken, or not of this machine */
export async function startBrokerServer(options: BrokerServerOptions): Promise<BrokerServer> {
  const { broker, authority, host, port, version, clock, log, guard, freeBytes } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const connections = new Set<Connection>();
  const held = { bytes: 0 };
  const alarms = new Alarms({
    clock,
    heldBytes: () => broker.bytes,
    heldBytesMax: limits.memoryBytesMax,
    freeBytes,
    freeBytesMin: limits.freeBytesMin,
    onChange(alarm) {
      if (alarm === undefined) log.info("messages are taken again");
      else log.warn(`no messages are taken: ${alarm}`);
      for (const connection of connections) connection.alarmChanged(alarm);
    },
  });
  const accept = (socket: Socket): void => {
    if (connections.size >= limits.connectionsMax) return void socket.destroy();
    const connection: Connection = new Connection({
      socket,
      broker,
      authority,
      limits,
      clock,
      log,
      guard,
      version,
      alarm() {
        alarms.lookAtMemory();
        return alarms.alarm;
      },
      isDiskLow: () => alarms.isDiskLow,
      held,
      onClosed: () => connections.delete(connection),
    });
    connections.add(connection);
  };
  const server = createServer({ allowHalfOpen: false }, (socket) =>
    guard.run(
      "connection",
      () => accept(socket),
      () => socket.destroy(),
    ),
  );
  await listen(server, host, port);
  await alarms.start();
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    get connectionCount() {
      return connections.size;
    },
    get alarm() {
      return alarms.alarm;
    },
    async stop() {
      alarms.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of [...connections]) connection.force("the broker is being stopped");
      const cancel = clock.after(STOP_MS, () => {
        for (const connection of [...connections]) connection.destroy("the broker is being stopped");
      });
      await closed;
      cancel();
      broker.stop();
    },
  };
}

/** So long clients may take to answer that they have heard. */
const STOP_MS = 1000;

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new OrreryError("broker/cannot-listen", `the broker cannot listen on ${host}:${port}: ${describeError(error)}`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
}
