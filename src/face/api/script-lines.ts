import { StringDecoder } from "node:string_decoder";
import { describeError, isOrreryError } from "#/base/index.ts";

/** A script on one instance, as its agent tells of it. */
export interface FollowedScript {
  readonly instance: string;
  readonly items: AsyncIterable<unknown>;
}

/** What scripts write, as JSON lines: `{"instance", "out": text}` as it comes, `{"instance", "left": bytes}` for what a slow reader has missed, and for each at last `{"instance", "script", "exitCode", "signal", "timedOut", "durationMs", "output"}` or `{"instance", "script", "error": {"code", "message"}}`. `onEnd` is told what came of all, also when the reader goes away. */
export async function* scriptLines(
  script: string,
  runs: readonly FollowedScript[],
  onEnd: (message: string) => void,
): AsyncGenerator<string, void, undefined> {
  const ends = new Map<string, string>();
  try {
    for await (const line of together(runs.map((run) => linesOf(script, run, ends)))) yield `${JSON.stringify(line)}\n`;
  } finally {
    onEnd(runs.map(({ instance }) => `${instance}: ${ends.get(instance) ?? "it was ended"}`).join("; "));
  }
}

async function* linesOf(script: string, { instance, items }: FollowedScript, ends: Map<string, string>): AsyncGenerator<object, void, undefined> {
  // No piece ends inside of a character.
  const decoder = new StringDecoder("utf8");
  try {
    for await (const item of items) {
      const { out, left, result } = item as { readonly out?: string; readonly left?: number; readonly result?: Readonly<Record<string, unknown>> };
      if (out !== undefined) yield { instance, out: decoder.write(Buffer.from(out, "base64")) };
      else if (left !== undefined) yield { instance, left };
      else if (result !== undefined) {
        ends.set(instance, result["timedOut"] === true ? "its time was over" : `exit ${result["exitCode"] ?? result["signal"]}`);
        yield { instance, script, ...result };
      }
    }
  } catch (error) {
    const code = isOrreryError(error) ? error.code : "api/failed";
    ends.set(instance, code);
    yield { instance, script, error: { code, message: describeError(error) } };
  }
}

/** All of the sources, each in its order, as they come. */
async function* together<T>(sources: readonly AsyncGenerator<T, void, undefined>[]): AsyncGenerator<T, void, undefined> {
  const ask = async (source: AsyncGenerator<T, void, undefined>) => ({ source, item: await source.next() });
  const asked = new Map(sources.map((source) => [source, ask(source)]));
  try {
    while (asked.size > 0) {
      const { source, item } = await Promise.race(asked.values());
      if (item.done === true) asked.delete(source);
      else {
        asked.set(source, ask(source));
        yield item.value;
      }
    }
  } finally {
    for (const source of asked.keys()) void source.return().catch(() => undefined);
  }
}
