import type { IncomingMessage } from "node:http";
import { type Readable, Transform } from "node:stream";

/** A body that has grown beyond its route's limit. */
class TooLarge extends Error {}

export function isTooLarge(error: unknown): boolean {
  return error instanceof TooLarge;
}

/** The body of `req`, failing beyond `bytesMax`. Only bodies of unknown length (chunked) need it; the others are refused by what they announce. */
export function bodyWithin(req: IncomingMessage, bytesMax: number): Readable {
  if (bytesMax === Number.POSITIVE_INFINITY) return req;
  let bytes = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax) done(new TooLarge(`the body is larger than the ${bytesMax} bytes that this route takes`));
      else done(null, chunk);
    },
  });
  req.on("error", (error) => limited.destroy(error));
  return req.pipe(limited);
}
