import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { temporaryFolder } from "../harness/site.ts";
import type { Ask, Told } from "./server.ts";
import type { ServerAddress } from "./tab.ts";

export interface ServerOptions {
  /** Rules with labels that limit the people; 0: they are admins. */
  readonly rules: number;
  /** Statuses a second, once it is told to. */
  readonly changes: number;
  /** Folder for a profile of it. */
  readonly profile: string | undefined;
}

/** The server of console/server.ts, and who asks it. */
export class RunningServer {
  readonly address: ServerAddress;
  readonly #child: ChildProcess;
  readonly #admin: Client;

  /** Starts it, and waits until it has filled its store. */
  static async start({ rules, changes, profile }: ServerOptions): Promise<RunningServer> {
    const profiling =
      profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(profile)}`, `--cpu-prof-name=console-${rules}.cpuprofile`];
    const child = fork(path.join(import.meta.dirname, "server.ts"), [temporaryFolder("console"), String(rules), String(changes)], {
      execArgv: ["--disable-warning=ExperimentalWarning", "--expose-gc", ...profiling],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const [address] = (await once(child, "message")) as [ServerAddress];
    return new RunningServer(child, address);
  }

  private constructor(child: ChildProcess, address: ServerAddress) {
    this.#child = child;
    this.address = address;
    const { port, ca, adminToken } = address;
    const common = { clock: systemClock, random: systemRandom, log: silentLog };
    this.#admin = createClient({ url: `https://127.0.0.1:${port}`, ca, token: adminToken, userAgent: "orrery-bench/0", ...common });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  say(ask: Ask): void {
    this.#child.send(ask);
  }

  async memory(): Promise<Told> {
    this.say({ ask: "memory" });
    const [told] = (await once(this.#child, "message")) as [Told];
    return told;
  }

  async request(method: "POST" | "PATCH", path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const { status, body: answer } = await this.#admin.request({ method, path, body, contentType });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer as Readonly<Record<string, unknown>>;
  }

  async token(name: string): Promise<string> {
    return String((await this.request("POST", "/tokens", { user: name, ttl: "1h" }))["token"]);
  }

  async link(name: string): Promise<string> {
    return `http://127.0.0.1:${this.address.plainPort}/console/#link=${String((await this.request("POST", "/login-links", { user: name }))["link"])}`;
  }

  async close(): Promise<void> {
    await this.#admin.close();
    this.#child.disconnect();
    await once(this.#child, "exit");
  }
}
