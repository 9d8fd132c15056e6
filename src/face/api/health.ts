import { describeError } from "#/base/index.ts";
import { type Reply, textReply } from "./exchange.ts";

/** One thing that must be well for the centre to be ready. */
export interface ReadyCheck {
  readonly name: string;
  /** Throws, or rejects, with the reason why not. */
  readonly check: () => unknown;
}

/** `/readyz`: 200 if all checks pass, else 503 with each and why. `verbose` lists them in any case. */
export async function serveReady(checks: readonly ReadyCheck[], verbose: boolean): Promise<Reply> {
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
  const isReady = results.every((result) => result.isReady);
  if (isReady && !verbose) return textReply("ok");
  return textReply(`${results.map((result) => result.line).join("\n")}\nreadyz check ${isReady ? "passed" : "failed"}\n`, isReady ? 200 : 503);
}
