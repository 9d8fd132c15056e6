import assert from "node:assert/strict";
import { test } from "node:test";
import { type Update, unfitStrategy } from "#/model/index.ts";
import { type How, howOf } from "./strategy.ts";

const exclusive = (service: string): boolean => service === "antenna";

test("a ramp goes with consistent alone, and with no exclusive service", () => {
  assert.equal(unfitStrategy({ strategy: "consistent", ramp: {} }, ["auth"], exclusive), undefined);
  assert.match(unfitStrategy({ strategy: "rolling", ramp: {} }, ["auth"], exclusive) ?? "", /not with rolling: leave one of them out/);
  assert.match(unfitStrategy({ strategy: "consistent", ramp: {} }, ["auth", "antenna"], exclusive) ?? "", /^antenna is exclusive: .* no ramp/);
});

test("an exclusive service takes no strategy under which two revisions work at a time", () => {
  for (const strategy of ["rolling", "blueGreen"] as const) {
    assert.match(unfitStrategy({ strategy }, ["antenna"], exclusive) ?? "", /use consistent, quiescence or recreate$/);
    assert.equal(unfitStrategy({ strategy }, ["auth"], exclusive), undefined);
  }
  for (const strategy of ["consistent", "quiescence", "recreate"] as const)
    assert.equal(unfitStrategy({ strategy }, ["antenna"], exclusive), undefined);
});

test("an Update that says nothing is done as the manifests of its services want it, if they want the same", () => {
  const manifests: Record<string, How> = { db: { strategy: "recreate" }, cache: { strategy: "recreate" }, portal: {} };
  const of = (names: string[], more: object = {}) =>
    howOf({ spec: { services: names.map((name) => ({ name, to: "v2" })), ...more } as unknown as Update["spec"] }, (name) => manifests[name]);
  assert.deepEqual(of(["db", "cache"]), { how: { strategy: "recreate" } });
  assert.deepEqual(of(["portal", "unknown"]), { how: {} });
  const problem = of(["db", "portal"]);
  assert.match(
    "problem" in problem ? problem.problem : "",
    /the manifest of db wants recreate and that of portal consistent; .* say it \(--strategy, --ramp\), or make two updates$/,
  );
  assert.deepEqual(of(["db", "portal"], { strategy: "consistent" }), { how: { strategy: "consistent", ramp: undefined, gates: undefined } });
});
