import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { microservice, resource } from "#/model/index.ts";
import { pruneUnknown } from "./pruning.ts";
import { keepSecrets } from "./secrets.ts";
import { Causes } from "./validation.ts";

describe("pruneUnknown", () => {
  it("takes out what the kind does not know, at any depth, and says what", () => {
    const object = {
      apiVersion: "orrery.dev/v1",
      kind: "Microservice",
      metadata: { name: "auth", lables: {} },
      spec: { replics: 2, template: { version: "v1", run: { command: ["x"], shell: true }, env: [{ name: "A", valu: "1" }] } },
      extra: 1,
    };
    const { object: pruned, removed } = pruneUnknown(microservice, object);
    assert.deepEqual(removed, ["metadata.lables", "spec.replics", "spec.template.run.shell", "spec.template.env[0].valu", "extra"]);
    assert.deepEqual(pruned, {
      apiVersion: "orrery.dev/v1",
      kind: "Microservice",
      metadata: { name: "auth" },
      spec: { template: { version: "v1", run: { command: ["x"] }, env: [{ name: "A" }] } },
    });
  });

  it("gives back the same object when all is known, free-form fields and wrong types with it", () => {
    const object = {
      metadata: { name: "dish", labels: { "any.org/label": "x" } },
      spec: { id: 3, desired: { anything: { at: "all" } }, env: "no list" },
    };
    assert.deepEqual(pruneUnknown(resource, object), { object, removed: [], count: 0 });
    assert.equal(pruneUnknown(resource, object).object, object);
  });
});

describe("keepSecrets", () => {
  const former = {
    template: {
      env: [
        { name: "OTHER", value: "1" },
        { name: "KEY", value: "hush", secret: true },
      ],
    },
  };
  const keep = (env: readonly object[]) => {
    const causes = new Causes("it");
    return { value: keepSecrets({ template: { env } }, former, "spec", causes), causes };
  };

  it("puts the secret back where its writer gives what readers are shown", () => {
    const { value, causes } = keep([
      { name: "KEY", value: "(secret)", secret: true },
      { name: "NEW", value: "x" },
    ]);
    assert.deepEqual(value, {
      template: {
        env: [
          { name: "KEY", value: "hush", secret: true },
          { name: "NEW", value: "x" },
        ],
      },
    });
    causes.check();
  });

  it("takes a new value for a secret", () => {
    assert.deepEqual(keep([{ name: "KEY", value: "new", secret: true }]).value, { template: { env: [{ name: "KEY", value: "new", secret: true }] } });
  });

  it("refuses to invent a secret, and to show one whose mark is taken away", () => {
    assert.throws(
      () => keep([{ name: "NEW", value: "(secret)", secret: true }]).causes.check(),
      /spec\.template\.env\[0\]\.value: .*give the secret's value/,
    );
    assert.throws(() => keep([{ name: "KEY", value: "(secret)" }]).causes.check(), /give the secret's value/);
  });
});
