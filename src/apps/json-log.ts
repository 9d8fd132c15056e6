import { openSync } from "node:fs";
import type { Log, LogFields } from "#/base/index.ts";
import { lineWriter, stdoutWriter } from "./output.ts";

/** A log of JSON lines on stdout, with time, level, message and fields. Where the lines cannot go (full disk, closed pipe) they are lost, and the process goes on. */
export function stdoutLog(): Log {
  return jsonLog(stdoutWriter());
}

/** As `stdoutLog`, at the end of `file`, which is open as long as the process lives. */
export function fileLog(file: string): Log {
  const descriptor = openSync(file, "a", 0o600);
  return jsonLog(lineWriter(descriptor));
}

function jsonLog(write: (line: string) => void, fields: LogFields = {}): Log {
  const at = (level: string) => (message: string, more?: LogFields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields, ...more })}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: (more) => jsonLog(write, { ...fields, ...more }) };
}
