/** What the console begins new objects with is what the centre takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { kinds } from "#/model/all-kinds.ts";
import { TEMPLATES } from "../console/src/parts/manifest/templates.ts";

test("a new object of a template is taken as it stands", () => {
  for (const [name, text] of Object.entries(TEMPLATES)) {
    const { apiVersion, kind: kindName, metadata, spec } = parse(text);
    const kind = kinds.find((one) => one.kind === kindName);
    assert.deepEqual([apiVersion, kindName], ["orrery.dev/v1", name]);
    assert.ok(kind !== undefined && /^[a-z-]+$/.test(metadata.name), name);
    const parsed = kind.spec.safeParse(spec);
    assert.ok(parsed.success, `${name}: ${parsed.error?.message}`);
  }
});
