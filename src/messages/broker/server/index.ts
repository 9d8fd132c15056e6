export type { Authority, BusUser } from "./authority.ts";
export { type BrokerServer, type BrokerServerOptions, type ServerLimits, startBrokerServer } from "./broker-server.ts";
