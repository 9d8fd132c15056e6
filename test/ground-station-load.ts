import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Kill, RunningSite } from "./running-site.ts";
import { type LoadOptions, SteadyLoad, summarize, unexcused } from "./steady-load.ts";

/** Asks the ground station for passes. An answer is mixed if its token was given and verified by two versions of auth; such a token is refused, so that refusals of tokens are signs of a mix, too. */
export function askPasses(site: RunningSite): Omit<LoadOptions, "perSecond"> {
  return {
    // Some take long enough to see a switch come in their middle.
    url: (count) => `${site.edge}/api/passes?satellite=ISS&hours=${count % 4 === 0 ? 24 : 1}`,
    judge(body) {
      const { servedBy } = JSON.parse(body) as { servedBy: { portal: string; authIssued: string; predictor: string; authVerified: string } };
      const { authIssued, authVerified, predictor } = servedBy;
      return {
        servedBy: `auth ${authIssued}, predictor ${predictor}`,
        ...(authIssued === authVerified ? {} : { mix: `the token was given by auth ${authIssued} and verified by auth ${authVerified}` }),
      };
    },
    isMixFailure: (body) => /token-(version-mismatch|malformed|signature)/.test(body),
  };
}

/** The seed of a test with chance in it: `ORRERY_TEST_SEED`, or a new one; told with the test's result, so that it can be run again. */
export function seedOf(context: TestContext): number {
  const seed = Number(process.env["ORRERY_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  context.diagnostic(`seed ${seed}; run it again with ORRERY_TEST_SEED=${seed}`);
  return seed;
}

/** Asks the portal ten times a second until the test ends. */
export function newLoad(site: RunningSite, context: TestContext): SteadyLoad {
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 10 });
  context.after(() => load.stop());
  return load;
}

/** Fails unless nothing mixed and nothing failed, but for what `kills` excuse. */
export async function judge(load: SteadyLoad, kills: readonly Kill[] = []): Promise<void> {
  const sent = await load.stop();
  assert.equal(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent, kills));
  assert.equal(unexcused(sent, kills).length, 0, summarize(sent, kills));
  assert.ok(sent.length > 0);
}
