import assert from "node:assert/strict";
import { test } from "node:test";
import { unfitStrategy } from "./strategy.ts";

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
