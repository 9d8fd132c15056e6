import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { createApi } from "#/face/api/index.ts";
import { checkManifest, kinds } from "#/model/all-kinds.ts";
import { nameFor } from "#/model/arbitrary.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { readJson } from "#/text/index.ts";
import { Dice, type Fuzz, type FuzzFinding } from "./frame.ts";
import { bent, jsonText, largeText, mutated, SAMPLES, type Sample, yamlText } from "./made-texts.ts";

/** One request. */
export interface Input {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

type Request = Pick<Input, "method" | "path" | "contentType" | "body">;

interface Answered {
  readonly status: number;
  readonly body: string;
}

const FINDINGS_MAX = 50;
/** A refusal; what tells of an object is as large as that. */
const REFUSAL_CHARACTERS_MAX = 48 * 1024;
/** Of a calibration's round for each byte, and for each request whatever its length. Ten times what is seen. */
const ROUNDS_PER_BYTE = 0.03;
/** The thread's library ends a text that is too deep by running out of stack, which costs something however short it is. */
const ROUNDS_PER_YAML = 400;
/** Of YAML, which has a thread of its own and costs that much more. */
const ROUNDS_PER_YAML_BYTE = 0.2;
const ROUNDS_PER_REQUEST = 60;

/** Requests with bodies of every media type, and odd queries, against the API over a store of its own. Promises: no bad input is answered 5xx; refusals are short, and in words that have nothing of the inside; the processor time of a request grows with its bytes at most; what is stored is what a strict reader takes, and reads back the same. */
export const fuzz: Fuzz = async ({ from, count, signal, say }) => {
  const target = await openTarget();
  const findings: FuzzFinding[] = [];
  let inputs = 0;
  for (let number = from; number < from + count && !signal.aborted; number++) {
    const input = makeInput(number);
    if (inputs % REFILL_EVERY === 0) await target.refill();
    inputs++;
    for (const { oracle, detail } of await target.attempt(input)) {
      if (findings.length >= FINDINGS_MAX) break;
      const finding = {
        input: number,
        oracle,
        detail: `${detail} (${input.method} ${input.path.slice(0, 150)} ${input.contentType}: ${shown(input.body)})`,
      };
      findings.push(finding);
      say?.(`input ${number}: ${oracle}: ${finding.detail.slice(0, 500)}`);
    }
    if (inputs % SAY_EVERY === 0) say?.(`${inputs} inputs, ${findings.length} findings, ${Math.round(process.memoryUsage.rss() / 1024 / 1024)} MiB`);
  }
  await target.close();
  return { inputs, findings, classes: target.classes };
};

/** After so many inputs the store is emptied, and filled with the same few objects. */
const REFILL_EVERY = 500;
const SAY_EVERY = 5_000;

/** An API under attack. */
export interface Target {
  readonly classes: Record<string, number>;
  /** Sends one request; what was wrong with what came of it. */
  attempt(input: Input): Promise<readonly Omit<FuzzFinding, "input">[]>;
  refill(): Promise<void>;
  close(): Promise<void>;
}

/** An API over a store of its own, reached without a network. */
export async function openTarget(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-fuzz-"));
  const tree = await openSqliteTree({ file: join(folder, "tree.db"), clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds, log: silentLog });
  const failures: string[] = [];
  const api = createApi({
    store,
    kinds,
    authenticate: () => ({ name: "admin", groups: ["orrery:admins"], via: "machine" }),
    clock: systemClock,
    random: systemRandom,
    log: { ...silentLog, error: (message, fields) => failures.push(`${message} ${String(fields?.["error"]).slice(0, 600)}`) },
    version: "0.1.0",
    certificate: "",
    key: "",
  });
  const ask = (request: Request): Promise<Answered> => exchange(api.handle.bind(api), request);
  const classes: Record<string, number> = {};
  let roundMs = calibrate();
  return {
    classes,
    async attempt(input) {
      const found: Omit<FuzzFinding, "input">[] = [];
      const note: Note = (oracle, detail) => found.push({ oracle, detail });
      failures.length = 0;
      const { answer, cpuMs } = await measured(() => ask(input));
      const name = `${input.what} ${Math.floor(answer.status / 100)}xx`;
      classes[name] = (classes[name] ?? 0) + 1;
      judgeAnswer(answer, note);
      for (const failure of failures) note("no request fails in a way that nobody expected", failure);
      const rounds = allowedRounds(input, answer);
      // Once more, or it may have been the collection of others' garbage. A write is not the same the second time, but no dearer. And beside what the machine can do now: one that has much other work takes longer for everything.
      let best = { cpuMs, roundMs };
      for (let tries = 1; tries < 4 && best.cpuMs > best.roundMs * rounds; tries++) {
        const again = { roundMs: calibrate(), cpuMs: (await measured(() => ask(input))).cpuMs };
        if (again.cpuMs / again.roundMs < best.cpuMs / best.roundMs) best = again;
      }
      if (best.cpuMs > best.roundMs * rounds)
        note(
          "cost is linear",
          `${input.body.length} bytes cost ${best.cpuMs.toFixed(1)} ms of the processor, allowed are ${(best.roundMs * rounds).toFixed(1)}`,
        );
      if (answer.status < 300 && input.method !== "GET" && input.method !== "DELETE") await judgeStored(answer, input, ask, note);
      return found;
    },
    async refill() {
      await empty(store);
      await fill(store);
      roundMs = calibrate();
    },
    async close() {
      await api.close();
      await store.close();
      await tree.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function allowedRounds({ contentType, body, path }: Input, answer: Answered): number {
  const perByte = contentType.includes("yaml") ? ROUNDS_PER_YAML_BYTE : ROUNDS_PER_BYTE;
  return (contentType.includes("yaml") ? ROUNDS_PER_YAML : ROUNDS_PER_REQUEST) + perByte * (body.length + path.length + answer.body.length);
}

/** Milliseconds that a fixed piece of work takes here and now: reading and writing a small JSON text. */
function calibrate(): number {
  const text = JSON.stringify(SAMPLES[0]?.object);
  const round = (): void => {
    for (let index = 0; index < 20; index++) JSON.stringify(JSON.parse(text));
  };
  round();
  const began = process.cpuUsage();
  for (let index = 0; index < 20; index++) round();
  const { user, system } = process.cpuUsage(began);
  return Math.max((user + system) / 1_000 / 20, 0.02);
}

async function measured(work: () => Promise<Answered>): Promise<{ readonly answer: Answered; readonly cpuMs: number }> {
  const began = process.cpuUsage();
  const answer = await work();
  const { user, system } = process.cpuUsage(began);
  return { answer, cpuMs: (user + system) / 1_000 };
}

type Note = (oracle: string, detail: string) => void;

function judgeAnswer({ status, body }: Answered, note: Note): void {
  // A version that is not reached yet may be reached later: this one is a timeout, as of a kube-apiserver.
  const isAhead = status === 504 && body.includes('"reason":"ResourceVersionTooLarge"');
  if ((status >= 500 && !isAhead) || status < 200) note("no 5xx from bad input", `${status} ${body.slice(0, 300)}`);
  if (status >= 400) {
    if (body.length > REFUSAL_CHARACTERS_MAX) note("refusals are bounded", `${body.length} characters`);
    const { message = "" } = JSON.parse(body) as { readonly message?: string };
    if (message === "" || /: :|\/objects\/|\/unique\/|undefined|\[object /.test(message.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')))
      note("refusals are sentences", message.slice(0, 300));
  }
}

/** What was stored (or would be, under a dry run) is what a strict reader takes, and is read back as it was told. */
async function judgeStored(answer: Answered, input: Input, ask: (request: Request) => Promise<Answered>, note: Note): Promise<void> {
  const { value, duplicates } = await readJson(answer.body).catch((error: unknown) => ({ value: undefined, duplicates: [String(error)] }));
  if (duplicates.length > 0) return note("what is stored is strict JSON", duplicates.join());
  const object = value as {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
    readonly status?: unknown;
    readonly spec: unknown;
  };
  const kind = kinds.find((one) => one.kind === object.kind);
  if (kind === undefined) return;
  const { violations } = checkManifest(object);
  if (violations.length > 0) note("what is stored is allowed", JSON.stringify(violations.slice(0, 3)));
  const parsed = kind.spec.safeParse(object.spec);
  if (!parsed.success || JSON.stringify(sorted(parsed.data)) !== JSON.stringify(sorted(object.spec)))
    note("what is stored has its defaults", JSON.stringify(object.spec).slice(0, 200));
  if (input.path.includes("dryRun=All")) return;
  const { name, namespace } = object.metadata;
  const path = `/apis/orrery.dev/v1/${namespace === undefined ? "" : `namespaces/${namespace}/`}${kind.plural}/${encodeURIComponent(name)}`;
  const read = await ask({ method: "GET", path, contentType: "application/json", body: Buffer.alloc(0) });
  if (read.body !== answer.body) note("what is stored reads back the same", `${read.status} ${read.body.slice(0, 200)}`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

async function empty(store: Store): Promise<void> {
  for (const kind of kinds) {
    if (kind.permanent !== undefined) continue;
    const { items } = await store.list(kind);
    await Promise.all(
      items.map(async ({ metadata }) => {
        // What an input has given a finalizer would stay.
        if (metadata.finalizers !== undefined) await store.patch(kind, metadata, { type: "merge", body: { metadata: { finalizers: null } } });
        await store.delete(kind, metadata);
      }),
    );
  }
}

/** Objects for the inputs to change. */
async function fill(store: Store): Promise<void> {
  const counts = new Map<string, number>();
  for (const { object, plural } of SAMPLES) {
    const count = counts.get(plural) ?? 0;
    const kind = kinds.find((one) => one.plural === plural);
    if (kind === undefined || kind.permanent !== undefined || count >= 5) continue;
    counts.set(plural, count + 1);
    const name = nameFor(kind, `n${count}`);
    if (count > 0 && name === nameFor(kind, "n0")) continue;
    const spec = kind.unique === undefined ? object["spec"] : { ...(object["spec"] as object), id: `id${count}` };
    await store.create(kind, { metadata: { name }, spec });
  }
}

const QUERIES: readonly (readonly [string, readonly string[]])[] = [
  ["fieldValidation", ["Strict", "Warn", "Ignore", "", "x".repeat(500)]],
  ["fieldManager", ["a", "m".repeat(128), "m".repeat(129), "kubectl", "é", ""]],
  ["force", ["true", "false", "1", "x"]],
  ["dryRun", ["All", "", "some"]],
  ["propagationPolicy", ["Background", "Foreground", "Orphan", "x"]],
  ["pretty", ["true"]],
];
const LIST_QUERIES: readonly (readonly [string, readonly string[]])[] = [
  [
    "labelSelector",
    [
      "a=b",
      "a in (b,c),!d",
      "a notin (x)",
      "(",
      ",,,",
      "a in (",
      "a==b,c!=d",
      "a>1",
      "x".repeat(3_000),
      "a=b,".repeat(300),
      "a in (b,".repeat(200),
      "!".repeat(100),
    ],
  ],
  [
    "fieldSelector",
    [
      "metadata.name=a",
      "spec.id!=x",
      "status=1",
      "=",
      "a\\,b=c",
      "metadata.name=".repeat(100),
      "\\".repeat(500),
      "spec.type==thing,metadata.name!=\\=",
    ],
  ],
  ["limit", ["1", "0", "-1", "1e9", "99999999999999999999", "x"]],
  ["continue", ["x", "WzEsImEiXQ", "WzEsIlx1MDAwMGEiXQ", "W".repeat(3_000), "bnVsbA", "WzFlOTksIiJd"]],
  ["resourceVersion", ["0", "1", "-1", "x", "99999999999999999999", ""]],
  ["resourceVersionMatch", ["Exact", "NotOlderThan", "x"]],
];

function makeQuery(dice: Dice, from: readonly (readonly [string, readonly string[]])[], often: number): string {
  const given = from.filter(() => dice.oneIn(often)).map(([name, values]) => `${name}=${encodeURIComponent(dice.pick(values))}`);
  return given.length === 0 ? "" : given.join("&");
}

const REVIEWS: readonly string[] = [
  "authorization.k8s.io/v1/selfsubjectaccessreviews",
  "authorization.k8s.io/v1/selfsubjectrulesreviews",
  "authentication.k8s.io/v1/selfsubjectreviews",
];

/** Input `number`, always the same. */
export function makeInput(number: number): Input {
  const dice = new Dice(number);
  const sample = dice.pick(SAMPLES);
  const name = `n${dice.below(6)}`;
  const collection = `/apis/orrery.dev/v1/${sample.isNamespaced ? "namespaces/default/" : ""}${sample.plural}`;
  const isDryRun = !dice.oneIn(8);
  const query = [makeQuery(dice, QUERIES, 6), ...(isDryRun ? ["dryRun=All"] : [])].filter((part) => part !== "").join("&");
  const at = (path: string, more = ""): string =>
    [path, [query, more].filter((part) => part !== "").join("&")].filter((part) => part !== "").join("?");
  const make = (what: string, method: string, path: string, contentType: string, body: string | Buffer): Input => ({
    what,
    method,
    path,
    contentType,
    body: bend(dice, body),
  });
  const metadata = {
    ...(sample.object["metadata"] as object),
    name,
    ...(dice.oneIn(9) && { uid: "x", resourceVersion: "1" }),
    ...(dice.oneIn(9) && { labels: { a: "b" }, annotations: { c: "d" }, finalizers: ["x/y"] }),
  };
  const object = mutated(dice, { ...sample.object, metadata }, dice.below(4));
  switch (dice.below(14)) {
    case 0:
    case 1:
      return make("create from JSON", "POST", at(collection), "application/json", jsonText(object, dice.oneIn(12)));
    case 2:
      return make("create from YAML", "POST", at(collection), "application/yaml", yamlText(dice, object).trimStart());
    case 3:
      return make(
        "update",
        "PUT",
        at(`${collection}/${name}${dice.oneIn(5) ? "/status" : ""}`),
        "application/json",
        jsonText(object, dice.oneIn(12)),
      );
    case 4:
    case 5:
      return make(
        "merge patch",
        "PATCH",
        at(`${collection}/${name}${dice.oneIn(6) ? "/status" : ""}`),
        "application/merge-patch+json",
        jsonText(partOf(dice, object)),
      );
    case 6:
    case 7:
      return make("JSON patch", "PATCH", at(`${collection}/${name}`), "application/json-patch+json", jsonText(operations(dice, sample)));
    case 8:
    case 9:
      return make(
        "apply",
        "PATCH",
        at(`${collection}/${name}`, dice.oneIn(12) ? "" : "fieldManager=m&force=true"),
        "application/apply-patch+yaml",
        dice.oneIn(5) ? yamlText(dice, object).trimStart() : jsonText(object),
      );
    case 10:
      return make(
        "review",
        "POST",
        `/apis/${dice.pick(REVIEWS)}`,
        dice.oneIn(3) ? "application/json" : "application/vnd.kubernetes.protobuf",
        protobuf(dice),
      );
    case 11:
      return make("list", "GET", `${collection}?${makeQuery(dice, LIST_QUERIES, 3)}`, "application/json", "");
    case 12:
      return dice.oneIn(3)
        ? make(
            "delete",
            "DELETE",
            at(`${collection}${dice.oneIn(3) ? "" : `/${name}`}`),
            "application/json",
            jsonText(mutated(dice, { kind: "DeleteOptions", preconditions: { uid: "x" } }, 1)),
          )
        : make(
            "scale",
            dice.pick(["PUT", "PATCH"]),
            at(`${collection}/${name}/scale`),
            dice.pick(["application/json", "application/merge-patch+json"]),
            jsonText(mutated(dice, { spec: { replicas: 1 } }, 1)),
          );
    default: {
      const isYaml = dice.oneIn(4);
      const [method, type] = dice.pick([
        ["POST", "application/json"],
        ["PATCH", "application/merge-patch+json"],
        ["PATCH", "application/json-patch+json"],
        ["PATCH", "application/apply-patch+yaml"],
      ] as const);
      const inner = largeText(dice, isYaml);
      const whole = isYaml || dice.oneIn(3) ? inner : jsonText({ ...sample.object, metadata, spec: "@" }).replace('"@"', `{"desired":${inner}}`);
      return make(
        isYaml ? "long YAML" : "long JSON",
        method,
        at(method === "POST" ? collection : `${collection}/${name}`, "fieldManager=m"),
        isYaml ? "application/yaml" : type,
        whole,
      );
    }
  }
}

function bend(dice: Dice, body: string | Buffer): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  return dice.oneIn(12) && bytes.length > 0 ? bent(dice, bytes) : bytes;
}

function partOf(dice: Dice, object: unknown): unknown {
  if (dice.oneIn(3) || typeof object !== "object" || object === null) return object;
  return Object.fromEntries(Object.entries(object).filter(([key]) => key === "spec" || dice.oneIn(3)));
}

const POINTERS: readonly string[] = [
  "",
  "/",
  "/spec",
  "/spec/desired",
  "/spec/env/0",
  "/spec/env/-",
  "/metadata/labels",
  "/metadata/name",
  "/metadata/managedFields",
  "/metadata/labels/a",
  "/status",
  "/spec/template/run/command/0",
  "/a~1b",
  "/spec/~",
  "/__proto__",
  "/spec/replicas",
  "/kind",
];

function operations(dice: Dice, sample: Sample): unknown {
  const count = dice.oneIn(20) ? dice.below(400) : dice.below(6);
  return Array.from({ length: count }, () => ({
    op: dice.pick(["add", "remove", "replace", "move", "copy", "test", "jump"]),
    path: dice.pick(POINTERS),
    ...(dice.oneIn(2) && { from: dice.pick(POINTERS) }),
    ...(!dice.oneIn(4) && { value: dice.oneIn(2) ? mutated(dice, sample.object["spec"], 1) : dice.below(5) }),
  }));
}

/** A review as Kubernetes' clients send it, more or less. */
function protobuf(dice: Dice): Buffer {
  const field = (number: number, type: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | type]), type === 2 ? varint(dice.oneIn(30) ? 1e9 : content.length) : Buffer.alloc(0), content]);
  const text = (number: number): Buffer => field(number, 2, Buffer.from(dice.pick(["get", "list", "", "hosts", "x".repeat(200), "\u0000"])));
  const attributes = Buffer.concat(Array.from({ length: dice.below(9) }, () => text(1 + dice.below(9))));
  const spec = Buffer.concat([
    field(1 + dice.below(3), 2, attributes),
    ...(dice.oneIn(6) ? [field(dice.below(15), dice.below(8), Buffer.alloc(dice.below(9)))] : []),
  ]);
  const message = field(2, 2, field(2, 2, spec));
  return Buffer.concat([Buffer.from(dice.oneIn(20) ? "k8x\0" : "k8s\0"), message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

function shown(body: Buffer): string {
  return body.length > 400 ? `${JSON.stringify(body.toString("utf8", 0, 400))}… ${body.length} bytes` : JSON.stringify(body.toString("utf8"));
}

type Handle = ReturnType<typeof createApi>["handle"];

/** Sends a request to the API without a network; resolves with its answer. */
async function exchange(handle: Handle, { method, path, contentType, body }: Request): Promise<Answered> {
  const request = Object.assign(new EventEmitter(), {
    method,
    url: path,
    httpVersion: "1.1",
    rawHeaders: [] as string[],
    headers: { authorization: "Bearer x", "content-type": contentType, "content-length": String(body.length) } as Record<string, string>,
    complete: false,
    destroyed: false,
    socket: {},
    pause() {},
    destroy() {},
  });
  const chunks: Buffer[] = [];
  let status = 0;
  const response = Object.assign(new EventEmitter(), {
    setHeader() {},
    writeHead(code: number) {
      status = code;
    },
    write(chunk: string) {
      chunks.push(Buffer.from(chunk));
      return true;
    },
    end(chunk?: string | Buffer) {
      if (chunk !== undefined) chunks.push(Buffer.from(chunk));
      response.emit("close");
    },
    destroy() {
      response.emit("close");
    },
  });
  let isSent = false;
  // Whoever listens for the end has listened for the data before.
  request.on("newListener", (event: string) => {
    if (event !== "end" || isSent) return;
    isSent = true;
    queueMicrotask(() => {
      if (body.length > 0) request.emit("data", body);
      request.complete = true;
      request.emit("end");
    });
  });
  await handle(request as never, response as never);
  return { status, body: Buffer.concat(chunks).toString("utf8") };
}
