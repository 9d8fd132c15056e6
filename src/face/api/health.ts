import { describeError } from "#/base/index.ts";
import { type Reply, textReply } from "./exchange.ts";

/** One thing that must be well for the centre to be ready. */
export interface ReadyCheck {
  readonly name: string;
  /** Throws, or rejects, with the reason why not. */
  readonly check: () => unknown;
}

/** `/readyz`: 200 if all checks pass, else 503 with each and why. `verbose` lists them in any case, and what of `warnings` does not hold: the centre is ready all the same. */
export async function serveReady(checks: readonly ReadyCheck[], verbose: boolean, warnings: readonly ReadyCheck[] = []): Promise<Reply> {
  const results = await Promise.all(
    checks.map(async ({ name, check }) => {
      try {
        await check();
        return { isReady: true, line: `[+]${name} ok` };
      } catch (error) {
        return { isReady: false, line: `[-]${name} failed: ${describeError(error)}` };
      }
    }),
  );
  const warned = verbose ? await Promise.all(warnings.map(warningOf)) : [];
  const isReady = results.every((result) => result.isReady);
  if (isReady && !verbose) return textReply("ok");
  return textReply(
    `${[...results.map((result) => result.line), ...warned.flat()].join("\n")}\nreadyz check ${isReady ? "passed" : "failed"}\n`,
    isReady ? 200 : 503,
  );
}

async function warningOf({ name, check }: ReadyCheck): Promise<readonly string[]> {
  try {
    await check();
    return [];
  } catch (error) {
    return [`[!]${name}: ${describeError(error)}`];
  }
}
