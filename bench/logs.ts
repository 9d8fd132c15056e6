/** Logs: sealing of lines (time and bytes a line), and the search of sealed lines for a rare word, warm and cold, beside `LC_ALL=C grep -F` over the same text; also for a trace id, a frequent word, an expression.
 *  Options: --bytes 2147483648 (of text), --rounds 5. Needs twice the room on the disk of the temporary folder (TMPDIR). */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { seededRandom, silentLog, systemClock } from "#/base/index.ts";
import { LogArchive, type LogOwner, LogThread, type SearchSummary, searchQuestion } from "#/watch/logs/rig.ts";
import { timesPath } from "#/work/process/index.ts";
import { Report, round } from "./harness/report.ts";

const { values: options } = parseArgs({
  options: { bytes: { type: "string", default: String(2 * 1024 ** 3) }, rounds: { type: "string", default: "5" } },
});
const BYTES = Number(options.bytes);
const ROUNDS = Number(options.rounds);
const CHUNK_BYTES = 8 * 1024 * 1024;
const BASE_MS = Date.parse("2026-11-30T00:00:00Z");
const RARE = "zebrafinch-73915";
const RARE_TRACE = "0af7651916cd43dd8448eb211c80319c";
const OWNERS: readonly LogOwner[] = ["auth", "pay", "stock", "mail"].map((name) => ({ kind: "Microservice", namespace: "default", name }));

const report = new Report("logs");
const rows: [string, string][] = [];
const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-logs-"));
const texts = path.join(folder, "text");
const sealed = path.join(folder, "sealed");
try {
  mkdirSync(texts);
  const { lines, bytes } = await sealAll();
  await measureSearch(lines, bytes);
  report.table("Logs", ["", ""], rows);
  report.end();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** One line of what was found; "what: figures". */
function say(text: string): void {
  const [what = "", ...rest] = text.split(": ");
  rows.push([what, rest.join(": ")]);
  report.figure(what, rest.join(": "));
}

/** Lines as services write them: JSON, logfmt and Java's, with numbers, identifiers and a stack trace now and then. */
function lineMaker(): (atMs: number) => string {
  const random = seededRandom(1);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
  const hex = (digits: number): string =>
    Array.from({ length: digits / 8 }, () =>
      Math.floor(random.next() * 2 ** 32)
        .toString(16)
        .padStart(8, "0"),
    ).join("");
  const words = [
    "request",
    "answered",
    "order",
    "customer",
    "stock",
    "mail",
    "queue",
    "retry",
    "cache",
    "miss",
    "session",
    "opened",
    "closed",
    "took",
    "bytes",
    "database",
    "pool",
    "waiting",
  ];
  const levels = ["info", "info", "info", "info", "debug", "debug", "warn", "error"];
  return (atMs) => {
    const time = new Date(atMs).toISOString();
    const said = Array.from({ length: 4 + Math.floor(random.next() * 6) }, () => pick(words)).join(" ");
    const number = Math.floor(random.next() * 100_000);
    const level = pick(levels);
    const kind = random.next();
    if (kind < 0.4)
      return `{"time":"${time}","level":"${level}","message":"${said} ${number}","traceId":"${hex(32)}","durationMs":${(random.next() * 500).toFixed(1)},"path":"/api/v1/${pick(words)}/${number}"}\n`;
    if (kind < 0.7) return `ts=${time} level=${level} msg="${said}" id=${hex(16)} n=${number}\n`;
    const head = `${time.replace("T", " ").slice(0, 23)} [worker-${number % 16}] ${level.toUpperCase().padEnd(5)} com.example.${pick(words)} - ${said} ${number}\n`;
    return kind < 0.98
      ? head
      : `${head}java.lang.IllegalStateException: ${said}\n${Array.from({ length: 8 }, (_, at) => `\tat com.example.${pick(words)}.run(${pick(words)}.java:${at * 7})\n`).join("")}`;
  };
}

/** Writes the text in files of 8 MiB, as a log has them, and seals each. */
async function sealAll(): Promise<{ readonly lines: number; readonly bytes: number }> {
  const make = lineMaker();
  const archive = new LogArchive(sealed, silentLog);
  const chunks = Math.ceil(BYTES / CHUNK_BYTES);
  let [lines, records, bytes, sealMs, cpuMs] = [0, 0, 0, 0, 0];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const pieces: string[] = [];
    let size = 0;
    for (let count = 0; size < CHUNK_BYTES; count++) {
      let line = make(BASE_MS + chunk * 10_000 + count);
      if (chunk === Math.floor(chunks / 2) && count === 1_000)
        line = `ts=2026-11-30T00:00:00Z level=error msg="the ${RARE} has flown" trace_id=${RARE_TRACE}\n`;
      pieces.push(line);
      size += line.length;
    }
    const text = Buffer.from(pieces.join(""));
    const logPath = path.join(texts, `${String(chunk).padStart(5, "0")}.log`);
    writeFileSync(logPath, text);
    writeFileSync(timesPath(logPath), `${text.length} ${BASE_MS + (chunk + 1) * 10_000}\n`);
    for (const byte of text) if (byte === 10) lines += 1;
    bytes += text.length;
    const owner = OWNERS[chunk % OWNERS.length] as LogOwner;
    const source = { uid: `chunk-${chunk}`, instance: `${owner.name}-0`, logPath, isOver: true, sinceMs: BASE_MS };
    const began = { ms: performance.now(), cpu: process.cpuUsage() };
    records += (await archive.seal({ owner, sources: [source], nowMs: BASE_MS + chunks * 20_000, turn: async () => {} })).records;
    sealMs += performance.now() - began.ms;
    const used = process.cpuUsage(began.cpu);
    cpuMs += (used.user + used.system) / 1_000;
    rmSync(timesPath(logPath));
  }
  say(`text: ${round(bytes / 1024 ** 2, 0)} MiB, ${lines} lines, ${records} records`);
  say(`sealing: ${round((cpuMs * 1_000) / lines, 2)} µs of processor a line, ${round(bytes / 1024 ** 2 / (sealMs / 1_000), 1)} MiB/s`);
  say(`at rest: ${round(archive.bytes / lines, 1)} bytes a line (${round((100 * archive.bytes) / bytes, 1)} % of the text, the index with it)`);
  return { lines, bytes };
}

async function measureSearch(lines: number, bytes: number): Promise<void> {
  const thread = new LogThread({
    folder: sealed,
    forwardedFile: path.join(folder, "forwarded.json"),
    host: "here",
    clock: systemClock,
    log: silentLog,
  });
  const search = async (
    more: object,
  ): Promise<{ readonly ms: number; readonly firstMs: number; readonly hits: number; readonly summary: SearchSummary | undefined }> => {
    const began = performance.now();
    let [firstMs, hits] = [Number.NaN, 0];
    let summary: SearchSummary | undefined;
    const question = searchQuestion.parse({ fromMs: BASE_MS, toMs: BASE_MS + 10 ** 10, bytesMax: 2 ** 40, timeoutMs: 600_000, ...more });
    for await (const item of thread.search(question, [], new AbortController().signal)) {
      if ("summary" in item) summary = item.summary;
      else if (item.hits.length > 0) {
        if (Number.isNaN(firstMs)) firstMs = performance.now() - began;
        hits += item.hits.length;
      }
    }
    return { ms: performance.now() - began, firstMs, hits, summary };
  };
  const grep = (word: string): number => {
    const began = performance.now();
    const found = execFileSync("grep", ["-rF", "--no-filename", word, texts], { env: { ...process.env, LC_ALL: "C" }, maxBuffer: 2 ** 30 });
    if (found.length === 0) throw new Error(`grep has not found ${word}`);
    return performance.now() - began;
  };
  // The thread begins, and its code is compiled.
  await search({ words: ["nothing like that"] });
  for (const state of ["warm", "cold"] as const) {
    const [own, theirs]: [number[], number[]] = [[], []];
    for (let one = 0; one < ROUNDS + 1; one++) {
      if (state === "cold") dropCache();
      const { ms, hits } = await search({ words: [RARE] });
      if (hits !== 1) throw new Error(`${hits} records hold ${RARE}`);
      if (state === "cold") dropCache();
      const theirMs = grep(RARE);
      // The first one warms.
      if (one > 0 || state === "cold") {
        own.push(ms);
        theirs.push(theirMs);
      }
    }
    const [mine, his] = [Math.min(...own), Math.min(...theirs)];
    const what = `search for a rare word, ${state}, of grep -F`;
    report.aim({ what, measured: `${round(mine / his, 2)} (${round(mine, 0)} ms of ${round(his, 0)} ms)`, aim: "≤ 0.8", isMet: mine <= 0.8 * his });
    report.figure(
      `${state} ms`,
      own.map((ms) => round(ms, 1)),
    );
    report.figure(
      `${state} grep ms`,
      theirs.map((ms) => round(ms, 1)),
    );
  }
  const trace = await search({ trace: RARE_TRACE });
  say(`a trace id: ${round(trace.ms, 0)} ms, ${trace.hits} record, ${round((trace.summary?.bytes ?? 0) / 1024, 0)} KiB looked at`);
  const frequent = await search({ words: ["database"], level: "error", limit: 1_000 });
  say(`a frequent word and a level, the newest 1,000: ${round(frequent.ms, 0)} ms, the first after ${round(frequent.firstMs, 0)} ms`);
  const regex = await search({ regex: "zebra[a-z]+-\\d+", limit: 10, timeoutMs: 60_000 });
  say(
    `an expression without a plain part over all: ${round(regex.ms / 1_000, 1)} s (${regex.summary?.end}), ${round((regex.summary?.bytes ?? 0) / 1024 ** 2 / (regex.ms / 1_000), 0)} MiB/s`,
  );
  say(
    `of ${lines} lines, ${round(bytes / 1024 ** 2, 0)} MiB, in ${readdirSync(sealed, { recursive: true }).filter((name) => String(name).endsWith(".seg")).length} segments`,
  );
  await thread.close();
}

/** Out of the system's memory: file by file, which anybody may ask for. */
function dropCache(): void {
  for (const place of [texts, sealed])
    for (const name of readdirSync(place, { recursive: true })) {
      const file = path.join(place, String(name));
      if (statSync(file).isFile()) execFileSync("dd", [`if=${file}`, "iflag=nocache", "count=0"], { stdio: "ignore" });
    }
}
