import type { Log, LogFields } from "#/base/index.ts";

/** A log of JSON lines with time, level, message and fields. `write` gets each line with its end. */
export function jsonLog(write: (line: string) => void, fields: LogFields = {}): Log {
  const at = (level: string) => (message: string, more?: LogFields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields, ...more })}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: (more) => jsonLog(write, { ...fields, ...more }) };
}
