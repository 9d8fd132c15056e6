import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { type Clock, ManualClock, OrreryError } from "#/base/index.ts";
import { template } from "#/model/index.ts";
import type { Answer, Client, ClientRequest } from "#/state/client/index.ts";
import type { CliContext, CliPart } from "./context.ts";
import { CLI_PARTS } from "./parts/index.ts";
import type { KeptLogin, LeftInstance, PlatformProcess, PlatformWarning, UpOptions } from "./platform.ts";
import { runCli } from "./run.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

/** What a command came to. */
export interface Run {
  readonly status: number;
  readonly out: string;
  readonly note: string;
}

/** What a command finds. */
export interface World {
  /** Answers of the API by `METHOD path`; a request that is not there fails the test. */
  readonly answers?: Readonly<Record<string, unknown>>;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly columns?: number;
  readonly isTerminal?: boolean;
  readonly rows?: number;
  /** Whether someone still reads what is written. */
  readonly isRead?: () => boolean;
  /** Keys, in order. */
  readonly typed?: string;
  /** Who has logged in. */
  readonly logins?: KeptLogin[];
  /** Address of the console. */
  readonly console?: string;
  /** Folder of the site that runs. */
  readonly site?: string;
  readonly offered?: readonly string[];
  readonly processes?: readonly PlatformProcess[];
  readonly warnings?: readonly PlatformWarning[];
  /** Instances that run although nothing of the platform does. */
  readonly left?: readonly LeftInstance[];
  readonly requests?: ClientRequest[];
  /** Another user, to whom the data folder belongs. */
  readonly owner?: string;
  /** In place of the made-up answers: a client of a real API, closed by the command. */
  readonly client?: () => Client;
  /** Told all of the output whenever there is more. */
  readonly onOut?: (out: string) => void;
  /** Lines of progress that were shown. */
  readonly progress?: string[];
  readonly clock?: Clock;
  /** Aborted by Ctrl-C. */
  readonly signal?: AbortSignal;
  readonly ups?: UpOptions[];
  /** Default: those of this room. */
  readonly parts?: readonly CliPart[];
}

/** Runs a command of `orrery` against made-up answers of the API; its clock stands still at a minute past 2030. */
export async function run(args: readonly string[], world: World = {}): Promise<Run> {
  let out = "";
  let note = "";
  const stream = (write: (text: string) => void): NodeJS.WriteStream =>
    ({
      write,
      on: () => undefined,
      isTTY: world.isTerminal ?? false,
      columns: world.columns ?? 100,
      rows: world.rows,
    }) as unknown as NodeJS.WriteStream;
  const inner = processTerminal(
    {
      stdout: stream((text) => {
        out += text;
        world.onOut?.(out);
      }),
      stderr: stream((text) => {
        note += text;
      }),
      readInput: async () => world.input ?? "",
    },
    { NO_COLOR: "1", ...world.env },
  );
  const terminal: Terminal = {
    ...inner,
    get dataOption() {
      return inner.dataOption;
    },
    write(text) {
      out += typeof text === "string" ? text : Buffer.from(text).toString("latin1");
      world.onOut?.(out);
    },
    openInput: () => ({
      chunks: (async function* () {
        yield Buffer.from(world.typed ?? assert.fail("nothing is typed here"));
      })(),
      close: () => undefined,
    }),
    progress: (text) => {
      if (text !== undefined) world.progress?.push(text);
    },
    drain: async () => world.isRead?.() ?? true,
  };
  const context: CliContext = {
    parts: world.parts ?? CLI_PARTS,
    terminal,
    clock: world.clock ?? new ManualClock(Date.parse("2030-01-01T00:01:00Z")),
    cwd: world.cwd ?? "/work",
    env: world.env ?? {},
    sampleSite: "/orrery/sites/ground-station",
    connect: async () => world.client?.() ?? fakeClient(world),
    signal: world.signal ?? new AbortController().signal,
    platform: {
      version: "1.2.3",
      async up(options) {
        world.ups?.push(options);
        return 0;
      },
      down: async () => 0,
      processes: () => world.processes ?? [],
      warnings: () => world.warnings ?? [],
      leftInstances: () => world.left ?? [],
      checkOwner: (data) => {
        if (world.owner !== undefined) throw new OrreryError("data/owner", `the data folder ${data} belongs to user ${world.owner}`);
      },
      restore: async () => [],
      edge: () => undefined,
      console: () => world.console,
      keptLogin: () => world.logins?.at(-1),
      keepLogin: async (_data, login) => void world.logins?.push(login),
      forgetLogin: async () => void world.logins?.pop(),
      site: () => world.site,
      offeredVersions: async () => world.offered ?? [],
      offeredTemplate: async (_site, _service, version) =>
        world.offered?.includes(version) === true ? template.parse({ version, run: { command: ["node"] } }) : undefined,
    },
  };
  return { status: await runCli(args, context), out, note };
}

/** Answers of one request, one after the other. */
export class Sequence {
  readonly answers: unknown[];

  constructor(...answers: unknown[]) {
    this.answers = answers;
  }
}

function fakeClient({ answers = {}, requests }: World): Client {
  const request = async (one: ClientRequest): Promise<Answer> => {
    requests?.push(one);
    const name = `${one.method ?? "GET"} ${one.path}`;
    const found = answers[name];
    // Of several the last one stays.
    const answer = found instanceof Sequence ? (found.answers.length > 1 ? found.answers.shift() : found.answers[0]) : found;
    // Whatever is deleted is looked at before.
    if (answer === undefined && one.method === undefined && answers[`DELETE ${one.path}`] !== undefined)
      return { status: 200, headers: {}, body: { metadata: { uid: "1" } } };
    if (answer === undefined) throw new OrreryError("store/missing", `${name}: not found`);
    if (answer instanceof Error) throw answer;
    return { status: 200, headers: {}, body: answer };
  };
  const text = async function* (one: ClientRequest): AsyncGenerator<string> {
    yield* (await request(one)).body as readonly string[];
  };
  return {
    url: "https://test",
    request,
    text,
    lines: text,
    openExchange: () => assert.fail("not asked here"),
    openLink: () => assert.fail(),
    keepLink: () => assert.fail(),
    close: async () => undefined,
  };
}

export const BASE = "/apis/orrery.dev/v1/namespaces/default";
export const SERVICES = `${BASE}/microservices`;
/** The Microservice auth. */
export const auth = (fields: { replicas?: number; suspended?: boolean } = {}) => ({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name: "auth", resourceVersion: "7", generation: 1, creationTimestamp: "2030-01-01T00:00:00Z" },
  spec: { replicas: 2, suspended: false, template: { version: "v1", run: { command: ["node"] } }, ...fields },
});

/** A folder with `a.yaml`. */
export function writeManifests(t: TestContext, text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-cli-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, "a.yaml"), text);
  return folder;
}

export const REVISIONS = { items: [{ metadata: { name: "auth-v1-0a1b2c3d" }, spec: { service: "auth", template: { version: "v1" } } }] };

export const UPDATE = `${BASE}/updates/u`;
/** The Update u, in a phase. */
export const updateIn = (phase: string, spec: object = {}, status: object = {}) => ({
  metadata: { name: "u" },
  spec: { services: [{ name: "auth", to: "v2" }], paused: false, aborted: false, ...spec },
  status: { phase, generation: 5, revisions: [{ service: "auth", to: "auth-v2-1" }], ...status },
});
export const RAMP = { steps: [10, 50].map((share) => ({ share: share / 100, holdMs: 90_000 })), step: 0, stepSince: "2030-01-01T00:00:00Z" };
/** A list of the one Site, whose generation 5 is of the Update u. */
export const siteWith = (generation: object) => ({
  items: [{ metadata: { name: "site" }, status: { generations: [{ number: 5, update: "u", ...generation }] } }],
});
