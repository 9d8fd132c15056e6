import { type Command, InvalidArgumentError, Option } from "commander";
import { isDuration } from "./durations.ts";

export function parsePort(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("Give a port from 0 to 65535.");
  return Number(text);
}

export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Give a whole number, 0 or more.");
  return Number(text);
}

/** Kept as text, so that --help shows it as people write it. */
export function parseDuration(text: string): string {
  if (!isDuration(text)) throw new InvalidArgumentError("Give a duration such as 500ms, 30s, 5m.");
  return text;
}

export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** `-o`, of a command that shows a table. */
export function output(): Option {
  return new Option("-o, --output <format>", "how to show it").choices(["wide", "json", "yaml"]);
}

/** `-o`, of a command that lists objects. */
export function objectOutput(): Option {
  return new Option("-o, --output <format>", "how to show it").choices(["wide", "json", "yaml", "name"]);
}

/** `--wait` and `--timeout`. */
export function wait(command: Command): Command {
  return command.option("--wait", "return when it is ready", false).option("--timeout <duration>", "longest wait with --wait", parseDuration, "120s");
}
