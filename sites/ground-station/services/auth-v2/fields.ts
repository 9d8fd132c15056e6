import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { Problem } from "./app.ts";

const BYTES_MAX = 16_384;

/** Refuses bodies above 16 KiB. A length that is told is enough to know; hono's limit makes a web stream of the body, which costs memory. */
export const limited: MiddlewareHandler = (c, next) => {
  const length = c.req.header("content-length");
  if (length === undefined) return counted(c, next);
  if (Number(length) > BYTES_MAX) throw tooLarge();
  return next();
};

const counted = bodyLimit({
  maxSize: BYTES_MAX,
  onError: () => {
    throw tooLarge();
  },
});

function tooLarge(): Problem {
  return new Problem(413, "body-too-large", "At most 16 KiB are read.");
}

/** Reads a JSON or form body as an object of strings and other values. */
export async function readFields(c: Context): Promise<Record<string, unknown>> {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  const text = await c.req.text();
  if (type === "application/x-www-form-urlencoded") return Object.fromEntries(new URLSearchParams(text));
  if (type !== "application/json")
    throw new Problem(
      415,
      "wrong-content-type",
      `Send application/json or application/x-www-form-urlencoded, not ${type ?? "a body without a content type"}.`,
    );
  const value = parse(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Problem(400, "bad-json", "The body must be a JSON object.");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, "bad-json", "The body is not JSON.");
  }
}
