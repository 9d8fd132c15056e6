import { describeError, OrreryError } from "#/base/index.ts";

const INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The whole text of standard input, however slowly it comes.
 *  @throws cli/unreadable: it cannot be read, or is longer than 16 MiB */
export async function readWholeInput(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const part = Buffer.from(chunk as Uint8Array);
      bytes += part.length;
      if (bytes > INPUT_BYTES_MAX)
        throw new OrreryError("cli/unreadable", `standard input is longer than ${INPUT_BYTES_MAX / 1024 / 1024} MiB; split it`);
      chunks.push(part);
    }
  } catch (error) {
    if (error instanceof OrreryError) throw error;
    throw new OrreryError("cli/unreadable", `cannot read standard input: ${describeError(error)}`, { cause: error });
  }
  return Buffer.concat(chunks).toString("utf8");
}
