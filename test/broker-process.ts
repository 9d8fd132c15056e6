import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type ChannelModel, connect } from "amqplib";
import { ROOT } from "./running-site.ts";

/** The broker of a data folder, as a process of its own. */
export class BrokerProcess {
  readonly data: string;
  #child: ChildProcess | undefined;

  constructor(data: string) {
    this.data = data;
  }

  /** Resolves when it is ready; returns how long that took, in ms. */
  async start(): Promise<number> {
    const startedAt = performance.now();
    const args = [path.join(ROOT, "src/apps/broker.ts"), "--data", this.data, "--identity", `test-${path.basename(this.data)}`];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    let said = "";
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (said.includes('"ready"')) break;
    }
    if (!said.includes('"ready"')) throw new Error(`the broker does not start: ${said}`);
    child.stdout.destroy();
    return performance.now() - startedAt;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  get url(): URL {
    const record = path.join(this.data, "run", "broker.json");
    const url = new URL((JSON.parse(readFileSync(record, "utf8")) as { readonly bus: string }).bus);
    url.username = "orrery";
    url.password = readFileSync(path.join(this.data, "broker", "password"), "utf8").trim();
    return url;
  }

  /** A client, as soon as there is a broker. */
  async connect(): Promise<ChannelModel> {
    for (;;) {
      try {
        if (existsSync(path.join(this.data, "broker", "password"))) {
          const client = await connect(this.url.href);
          client.on("error", () => undefined);
          return client;
        }
      } catch {
        // Not yet.
      }
      await wait(20);
    }
  }
}
