import assert from "node:assert/strict";
import { test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import { LAST_APPLIED } from "#/state/store/index.ts";
import { isOwnFormerApply } from "./client-side-apply.ts";

const applied = { metadata: { labels: { "app.kubernetes.io/name": "x" } }, spec: { place: "roof", env: [{ name: "A", value: "1" }], tags: ["t"] } };
const live = (text = JSON.stringify(applied)): StoredObject => ({
  apiVersion: "",
  kind: "",
  metadata: { name: "one", uid: "", resourceVersion: "", generation: 1, creationTimestamp: "", annotations: { [LAST_APPLIED]: text } },
  spec: {},
});
const conflict = (...fields: readonly string[]) =>
  new OrreryError("store/apply-conflict", "", { details: { conflicts: fields.map((field) => ({ manager: "kubectl-client-side-apply", field })) } });

test("fields that kubectl's own former apply has set may be taken over by kubectl alone", () => {
  const fields = [".spec.place", '.spec.env[name="A"].value', '.spec.tags[="t"]', ".metadata.labels.app.kubernetes.io/name"];
  assert.equal(isOwnFormerApply(conflict(...fields), "kubectl", live()), true);
  assert.equal(isOwnFormerApply(conflict(...fields), "other", live()), false);
  assert.equal(isOwnFormerApply(conflict(...fields), "kubectl", undefined), false);
  assert.equal(isOwnFormerApply(conflict(...fields), "kubectl", live("rubbish")), false);
});

for (const field of [".spec.description", ".spec.pla", '.spec.env[name="B"].value', ".metadata.labels.app"]) {
  test(`${field}, which it has not set, may not`, () => {
    assert.equal(isOwnFormerApply(conflict(".spec.place", field), "kubectl", live()), false);
  });
}
