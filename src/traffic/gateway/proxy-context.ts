import type { Clock, LastGuard } from "#/base/index.ts";
import type { AccessLog } from "./access-log.ts";
import type { GatewayCore } from "./core/index.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Silence } from "./silence.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Waiting } from "./waiting.ts";

/** What every proxied request and connection of one gateway shares. */
export interface ProxyContext {
  readonly name: string;
  readonly core: GatewayCore;
  readonly upstreams: Upstreams;
  readonly accessLog: AccessLog;
  readonly deadlines: Deadlines;
  readonly silence: Silence;
  readonly clock: Clock;
  readonly waiting: Waiting;
  readonly guard: LastGuard;
  /** A call of `service` is over: whoever waits for its place is told. */
  readonly placeFreed: (service: string) => void;
  /** True once the gateway finishes what it has and takes no new connections. */
  isStopping: boolean;
  /** True once the services are ended although requests run: what fails then is no fault of an instance, and none is tried in its place. */
  isHurried: boolean;
  /** True once it cuts what is left. */
  isCut: boolean;
}
