import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { negotiateDiscovery, negotiateForm } from "./negotiate.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

test("the first form that is served wins, and quality goes before order", () => {
  assert.equal(negotiateForm(undefined), "object");
  assert.equal(negotiateForm("*/*"), "object");
  assert.equal(negotiateForm("application/vnd.kubernetes.protobuf,application/json"), "object");
  assert.equal(negotiateForm(`${TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`), "table");
  assert.equal(negotiateForm(`application/json;as=Table;v=v9;g=meta.k8s.io,application/json`), "object");
  assert.equal(negotiateForm("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"), "metadata");
  assert.equal(negotiateForm(`${TABLE};q=0.5,application/json;q=0.9`), "object");
});

test("what is not served is refused", () => {
  for (const accept of ["application/vnd.kubernetes.protobuf", "text/html", "application/json;as=Dance;v=v1;g=meta.k8s.io"])
    assert.throws(
      () => negotiateForm(accept),
      (error) => isOrreryError(error, "api/not-acceptable"),
    );
});

test("aggregated discovery is given to those who know it, in the version they prefer", () => {
  const aggregated = (version: string): string => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  assert.equal(negotiateDiscovery(`${aggregated("v2")},${aggregated("v2beta1")},application/json`), "v2");
  assert.equal(negotiateDiscovery(`${aggregated("v2beta1")},application/json`), "v2beta1");
  assert.equal(negotiateDiscovery(`${aggregated("v9")},application/json`), undefined);
  assert.equal(negotiateDiscovery(undefined), undefined);
});
