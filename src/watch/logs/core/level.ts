import { LEVELS, type Level } from "./record.ts";

/** Of a longer line no more is looked at. */
const LOOKED_CHARACTERS = 400;
const JSON_CHARACTERS_MAX = 64 * 1024;

const WORDS: Readonly<Record<string, Level>> = {
  trace: "trace",
  trc: "trace",
  finer: "trace",
  finest: "trace",
  verbose: "trace",
  debug: "debug",
  dbg: "debug",
  fine: "debug",
  config: "debug",
  info: "info",
  inf: "info",
  information: "info",
  informational: "info",
  notice: "info",
  log: "info",
  warn: "warn",
  wrn: "warn",
  warning: "warn",
  error: "error",
  err: "error",
  eror: "error",
  severe: "error",
  fatal: "fatal",
  critical: "fatal",
  crit: "fatal",
  panic: "fatal",
  dpanic: "fatal",
  alert: "fatal",
  emerg: "fatal",
  emergency: "fatal",
};

/** The level that a word names, in any program's words; `undefined`: none. */
export function levelOf(word: string): Level | undefined {
  const key = word.toLowerCase();
  return Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
}

/** True if `level` is as grave as `least`, or graver. */
export function isAtLeast(level: Level | undefined, least: Level): boolean {
  return level !== undefined && LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

const LOGFMT = /(?:^|\s)(?:level|lvl|severity|loglevel)=(?:"([A-Za-z]+)"|([A-Za-z]+)(?=\s|$))/;
/** sd-daemon: `<3>` at the beginning. */
const PRIORITY = /^<([0-7])>/;
const PRIORITIES: readonly Level[] = ["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"];
/** glog, klog: `E1130 12:00:00.000000 1234 file.go:12] words`. */
const GLOG = /^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [^\]]{1,200}\]/;
const GLOG_LEVELS: Readonly<Record<string, Level>> = { I: "info", W: "warn", E: "error", F: "fatal" };
/** Python's basicConfig: `WARNING:root:words`; java.util.logging and PostgreSQL: `SEVERE: words`, `LOG:  words`. */
const LEADING = /^(?:[\w.-]{1,100}: )?([A-Z]{3,13}):(?=[\w.-]+:|\s)/;
/** Go: `panic: words`, `fatal error: words`; JavaScript and Python: what nobody has caught. */
const ENDS = /^(?:panic: |fatal error: )/;
const UNCAUGHT =
  /^(?:Traceback \(most recent call last\):|Exception in thread |Uncaught |Unhandled |(?:[A-Za-z_$][\w$]*\.)*[A-Z]\w*(?:Exception|Error)\b(?::|$))/;
/** What stands before a level: a time, brackets, a name, a thread. */
const TIME = /^\s*[[(]?(?:\d{4}[-/]\d\d[-/]\d\d|\d\d:\d\d:\d\d|\d{10,13}(?:\.\d+)?\s|[A-Z][a-z]{2} {1,2}\d{1,2},? )/;
const UPPER =
  /(?:^|[\s[(|<])(TRACE|TRC|DEBUG|DBG|INFO|INF|NOTICE|WARN|WARNING|WRN|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|PANIC|ALERT|EMERG|FINE|FINER|FINEST|CONFIG|LOG|DPANIC)(?=$|[\s\])|:>])/;
/** In brackets, or after a time and a tab, small letters are levels, too: nginx, zap. */
const BRACKETED = /[[<(](trace|debug|info|notice|warn|warning|error|err|fatal|critical|crit|alert|emerg)[\])>]/i;
const TABBED = /^\S+\t(trace|debug|info|warn|error|dpanic|panic|fatal)\t/i;
/** A level stands within so many characters: behind that it is a word of what is said. */
const HEAD_CHARACTERS = 160;

/** The level that the first line of a record tells, in JSON, logfmt, and the common forms of Java, Python, Go, nginx, PostgreSQL and syslog; `undefined`: it tells none. A word inside of a sentence is no level. */
export function recogniseLevel(line: string): Level | undefined {
  const text = line.slice(0, LOOKED_CHARACTERS);
  if (text.startsWith("{")) return levelOfJson(line);
  const priority = PRIORITY.exec(text)?.[1];
  if (priority !== undefined) return PRIORITIES[Number(priority)];
  const glog = GLOG.exec(text)?.[1];
  if (glog !== undefined) return GLOG_LEVELS[glog];
  if (ENDS.test(text)) return "fatal";
  const logfmt = LOGFMT.exec(text);
  const named = logfmt === null ? undefined : levelOf(logfmt[1] ?? logfmt[2] ?? "");
  if (named !== undefined) return named;
  const leading = LEADING.exec(text)?.[1];
  const led = leading === undefined ? undefined : levelOf(leading);
  if (led !== undefined) return led;
  const head = text.slice(0, HEAD_CHARACTERS);
  const tabbed = TABBED.exec(head)?.[1] ?? BRACKETED.exec(head.slice(0, 80))?.[1];
  if (tabbed !== undefined) return levelOf(tabbed);
  const isHeaded = TIME.test(head);
  const upper = UPPER.exec(isHeaded ? head : head.slice(0, 24))?.[1];
  // Without a time before it, only what comes first is a level.
  if (upper !== undefined && (isHeaded || /^[\s[(|<]*[A-Z]/.test(head.slice(0, head.indexOf(upper) + 1)))) {
    const before = head.slice(0, head.indexOf(upper));
    if (isHeaded || before.trim() === "" || /^[[(|<\s]*$/.test(before)) return levelOf(upper);
  }
  return UNCAUGHT.test(text) ? "error" : undefined;
}

const LEVEL_FIELDS: readonly string[] = [
  "level",
  "severity",
  "lvl",
  "log.level",
  "levelname",
  "loglevel",
  "@l",
  "Level",
  "LogLevel",
  "SeverityText",
  "severityText",
];

function levelOfJson(line: string): Level | undefined {
  if (line.length > JSON_CHARACTERS_MAX) return levelOfCut(line);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return levelOfCut(line);
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const field of LEVEL_FIELDS) {
    const found = Object.hasOwn(fields, field) ? levelOfValue(fields[field]) : undefined;
    if (found !== undefined) return found;
  }
  const inner = fields["log"];
  return typeof inner === "object" && inner !== null && "level" in inner ? levelOfValue(inner.level) : undefined;
}

/** pino and bunyan count in tens. */
function levelOfValue(value: unknown): Level | undefined {
  if (typeof value === "string") return levelOf(value);
  if (typeof value !== "number" || value < 10 || value >= 70) return undefined;
  return LEVELS[Math.floor(value / 10) - 1];
}

const CUT = /"(?:level|severity|lvl|log\.level|levelname)"\s*:\s*(?:"([A-Za-z]+)"|(\d\d)\b)/;

/** Of JSON that is not whole. */
function levelOfCut(line: string): Level | undefined {
  const found = CUT.exec(line.slice(0, 4_096));
  if (found === null) return undefined;
  return found[1] === undefined ? levelOfValue(Number(found[2])) : levelOf(found[1]);
}

const TRACE = /(?:trace[_.-]?id|traceparent|x-b3-traceid|\btrace)["'\]]?\s*[=:]\s*["'[]?(?:[0-9a-f]{2}-)?([0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])/i;

/** The trace id that a record tells, small letters; `undefined`: none. */
export function recogniseTrace(text: string): string | undefined {
  return TRACE.exec(text.slice(0, 16 * 1024))?.[1]?.toLowerCase();
}

const OWN_TIME = /(?:^|"(?:time|timestamp|ts|@timestamp)"\s*:\s*"|\btime="?)(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d))/;

/** The time that a line itself tells, with its zone; `undefined`: none. */
export function recogniseTime(line: string): number | undefined {
  const found = OWN_TIME.exec(line.slice(0, LOOKED_CHARACTERS))?.[1];
  if (found === undefined) return undefined;
  const ms = Date.parse(
    found
      .replace(" ", "T")
      .replace(",", ".")
      .replace(/([+-]\d\d)(\d\d)$/, "$1:$2"),
  );
  return Number.isNaN(ms) ? undefined : ms;
}
