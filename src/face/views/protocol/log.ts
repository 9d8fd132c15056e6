/** The view of logs; and what is told of it. */
import { z } from "zod";
import { LIST_MAX, name, text } from "./fields.ts";

const MINUTES_MAX = 60;

export const logView = z.strictObject({
  of: z.literal("log"),
  namespace: name.optional(),
  /** Both absent: all. */
  services: z.array(name).max(LIST_MAX).optional(),
  instances: z.array(name).max(LIST_MAX).optional(),
  /** Lines of before now, of each instance. */
  tail: z.int().min(0).max(10_000).default(500),
  sinceMinutes: z
    .number()
    .min(0)
    .max(MINUTES_MAX * 24 * 31)
    .optional(),
  /** Lines that hold one of these. */
  text: z.array(text).max(10).optional(),
  ignoreCase: z.boolean().optional(),
});

export type LogView = z.output<typeof logView>;

/** Lines of a log as they come, at most four times a second; the client keeps as many as it likes. Where it does not take them in time, the log is read more slowly: nothing is left out. */
export interface ViewLines {
  readonly id: string;
  readonly rev: number;
  readonly ask?: number;
  /** True: the client forgets the lines that it has. */
  readonly fresh?: boolean;
  readonly lines: readonly LogRow[];
  /** True: no more will come. */
  readonly isOver?: boolean;
}

export interface LogRow {
  readonly instance: string;
  readonly service?: string;
  /** RFC 3339: written until then; absent: nobody knows. */
  readonly at?: string;
  readonly text: string;
  /** It is no UTF-8: what could not be read stands as U+FFFD. */
  readonly isBinary?: boolean;
  /** Bytes that are left out at its end. */
  readonly cut?: number;
}
