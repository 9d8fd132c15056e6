import type { Template } from "#/model/index.ts";
import type { Terminal } from "./terminal.ts";

export interface UpOptions {
  /** Absolute. */
  readonly data: string;
  /** Absolute. */
  readonly site: string;
  readonly listen: string;
  readonly apiPort: number;
  readonly edgePort: number;
  /** For browsers, on loopback alone. Absent: that of the last start, else 7480, else any free one; with `apiPort` 0 any. */
  readonly consolePort?: number;
  readonly detach: boolean;
  /** Longest wait until every Microservice is ready. */
  readonly timeoutMs: number;
  /** Also delete objects of files that have left the site's folder. */
  readonly prune: boolean;
}

/** One of Orrery's own processes on a data folder. */
export interface PlatformProcess {
  readonly name: "supervisor" | "centre" | "agent" | "gateway" | "snmp" | "broker";
  /** Absent: it does not run. */
  readonly pid?: number;
  readonly ready: boolean;
  /** Why it is not ready, where that is known: `Paused` by a signal. */
  readonly phase?: string;
  /** RFC 3339. */
  readonly since?: string;
  readonly restarts: number;
  readonly memoryBytes?: number;
}

/** As a warning of `orrery status`. */
export interface PlatformWarning {
  readonly object: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339; absent: nobody has seen it begin. */
  readonly since?: string;
}

/** An instance that runs, found by its process. */
export interface LeftInstance {
  readonly name: string;
  readonly pid: number;
  readonly service?: string;
}

/** Who has logged in here with `orrery login`. */
export interface KeptLogin {
  readonly user: string;
  /** Secret. */
  readonly token: string;
  /** RFC 3339. */
  readonly expires: string;
}

/** What the commands need of the machine; given by `apps/`, which alone knows how processes are started. */
export interface Platform {
  /** Orrery's version. */
  readonly version: string;
  /** Runs the site, in the foreground until it is ended or, detached, until it is ready. Returns the exit status. */
  up(options: UpOptions, terminal: Terminal): Promise<number>;
  /** Ends what runs on the data folder: requests first, then instances, then the centre. Returns the exit status; 0 also if nothing runs. */
  down(options: { readonly data: string; readonly timeoutMs: number }, terminal: Terminal): Promise<number>;
  processes(data: string): readonly PlatformProcess[];
  /** What is not as it should be with the platform itself: it is being ended, one of its processes ended of late, the disk of the data folder is full. */
  warnings(data: string): readonly PlatformWarning[];
  /** Instances of the data folder that run, whether or not anything of the platform does. */
  leftInstances(data: string): readonly LeftInstance[];
  /** Refuses a data folder of another user.
   *  @throws data/owner */
  checkOwner(data: string): void;
  /** Puts a backup in the place of what is stored on a data folder on which nothing runs. Brings nobody back; returns what a person should know of that.
   *  @throws tree/damaged, tree/in-use, tree/unwritable */
  restore(data: string, from: string): Promise<readonly string[]>;
  /** URL of the edge, if it has ever listened. */
  edge(data: string): string | undefined;
  /** Address of the console, if it was ever served. */
  console(data: string): string | undefined;
  /** The login of this user of the machine on the data folder; `undefined`: commands act for the machine's admin. */
  keptLogin(data: string): KeptLogin | undefined;
  keepLogin(data: string, login: KeptLogin): Promise<void>;
  forgetLogin(data: string): Promise<void>;
  /** Folder of the site that runs on the data folder: where its centre looks for files and versions. Where no centre runs: the one that `up` was started with last. Absolute; `undefined` where nobody has said. */
  site(data: string): string | undefined;
  /** Versions of a service that the folder of a site offers, beside those that were ever applied. */
  offeredVersions(site: string, service: string): Promise<readonly string[]>;
  /** The template of one of them; `undefined` if it is not offered. */
  offeredTemplate(site: string, service: string, version: string): Promise<Template | undefined>;
}
