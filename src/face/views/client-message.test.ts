import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { arbitraryOf } from "#/model/arbitrary.ts";
import { parseClientMessage } from "./client-message.ts";
import { clientMessage, view, WINDOW_ROWS_MAX } from "./protocol.ts";

function refusal(message: unknown): { readonly message: string; readonly id?: unknown } {
  try {
    parseClientMessage(typeof message === "string" ? message : JSON.stringify(message));
  } catch (error) {
    assert.ok(isOrreryError(error, "views/bad-message"), String(error));
    return { message: error.message, id: error.details["id"] };
  }
  throw new assert.AssertionError({ message: `taken: ${JSON.stringify(message)}` });
}

test("a view gets its defaults", () => {
  const taken = parseClientMessage('{"op": "open", "id": "list", "view": {"of": "objects", "resource": "microservices"}}');
  assert.deepEqual(taken, { op: "open", id: "list", view: { of: "objects", resource: "microservices", offset: 0, limit: 100 } });
});

test("what is wrong is told by its field, with the view that it was about", () => {
  const open = (wish: object): object => ({ op: "open", id: "a", view: wish });
  assert.match(refusal("{").message, /no JSON/);
  assert.match(refusal([]).message, /no op/);
  assert.match(refusal({ op: "open", id: "a" }).message, /"view"/);
  assert.match(refusal(open({ of: "everything" })).message, /view.of: found "everything"; allowed: objects, object, topic/);
  const limit = refusal(open({ of: "objects", resource: "events", limit: WINDOW_ROWS_MAX + 1 }));
  assert.match(limit.message, /view\.limit: found 1001; allowed: at most 1000/);
  assert.equal(limit.id, "a");
  assert.match(refusal(open({ of: "objects", resource: "events", sort: { by: "" } })).message, /view\.sort\.by/);
  assert.match(refusal(open({ of: "objects", resource: "events", fitler: {} })).message, /did you mean filter/);
  assert.match(refusal(open({ of: "objects", resource: "../secrets" })).message, /plural name/);
  assert.match(refusal({ op: "close" }).message, /"op": "close"/);
});

test("any message is taken or refused with its reason, whatever stands in it", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.jsonValue().map((value) => JSON.stringify(value)),
        arbitraryMessage(),
      ),
      (text) => {
        try {
          parseClientMessage(text);
        } catch (error) {
          assert.ok(isOrreryError(error, "views/bad-message"), String(error));
          assert.ok(error.message.length < 20_000);
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** Messages with a view that is nearly right. */
function arbitraryMessage(): fc.Arbitrary<string> {
  const views = fc.oneof(
    ...view.options.map((one) =>
      fc.record(
        { of: fc.constant(one.shape.of.value), offset: fc.jsonValue(), limit: fc.jsonValue(), resource: fc.jsonValue(), filter: fc.jsonValue() },
        { requiredKeys: ["of"] },
      ),
    ),
  );
  return fc
    .record({ op: fc.constantFrom("open", "change", "close", "?"), id: fc.oneof(fc.constant("a"), fc.jsonValue()), view: views })
    .map((value) => JSON.stringify(value));
}

test("what the schema makes is taken as it is", () => {
  fc.assert(
    fc.property(arbitraryOf(clientMessage), (message) => {
      assert.ok(clientMessage.safeParse(parseClientMessage(JSON.stringify(message))).success);
    }),
    { numRuns: 100 },
  );
});
