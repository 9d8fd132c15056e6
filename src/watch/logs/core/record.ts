import { LOG_LEVELS, type LogLevel } from "#/base/index.ts";

/** How grave a record is, from the least. */
export const LEVELS: typeof LOG_LEVELS = LOG_LEVELS;
export type Level = LogLevel;

/** Whose lines they are, as people name it. */
export interface LogOwner {
  /** `Platform`: a process of the site itself. */
  readonly kind: "Microservice" | "Job" | "Resource" | "Instance" | "Platform";
  readonly namespace: string;
  readonly name: string;
}

/** One thing that somebody said: a line, or the lines that belong together. */
export interface LogRecord {
  /** It was written until then, Unix milliseconds. */
  readonly atMs: number;
  /** Name of the instance, or of the process of the platform. */
  readonly instance: string;
  /** Absent: none was recognised. */
  readonly level?: Level;
  /** Lines with `\n` between them; without control characters, secrets masked. */
  readonly text: string;
  /** Bytes that are left out at the end of its lines. */
  readonly cut?: number;
}

/** As part of a path of the archive, and of questions: `microservice.auth`. */
export function ownerKey({ kind, namespace, name }: LogOwner): string {
  return `${namespace}/${kind.toLowerCase()}.${name}`;
}

const KINDS: readonly LogOwner["kind"][] = ["Microservice", "Job", "Resource", "Instance", "Platform"];

/** The owner of `ownerKey`; `undefined`: it is none. */
export function parseOwnerKey(key: string): LogOwner | undefined {
  const [, namespace, word, name] = /^([^/]+)\/([a-z]+)\.([^/]+)$/.exec(key) ?? [];
  const kind = KINDS.find((one) => one.toLowerCase() === word);
  return namespace === undefined || kind === undefined || name === undefined ? undefined : { kind, namespace, name };
}
