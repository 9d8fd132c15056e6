/** Whatever stands in an object is text on every page: in each field that its schema lets hold a text, one after the other. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { z } from "zod";
import { kinds } from "#/model/all-kinds.ts";
import { arbitraryManifest, arbitraryOf, nameFor } from "#/model/arbitrary.ts";
import type { Kind, StoredObject } from "#/model/index.ts";
import { lacksBrowser } from "./console-browser.ts";
import { ConsoleSite, listPages, untilCalm } from "./console-site.ts";

const skip = lacksBrowser();
const NAME = "odd";
/** What runs sets this; what becomes an element has this attribute. */
const RUN = "window.orreryInjected = true";
/** Tried in turn where a field takes a text: the first that it takes stays. */
const TEXTS = [
  `<img src=x data-injected onerror="${RUN}"><script>${RUN}</script><svg onload="${RUN}"> \u001b[31m{{name}} $t(common.yes) \u202etxet\u200b`,
  `"><img src=x data-injected onerror=${RUN}>`,
  `javascript:${RUN}//`,
  `<b data-injected>`,
];
/** The centre shows these itself, or keeps them for itself. */
const NOT_MADE = ["Approval", "Site", "Generation"];

type Path = readonly (string | number)[];

function* textsIn(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value === "string") yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* textsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]);
}

function withText(value: unknown, [first, ...rest]: Path, text: string): unknown {
  if (first === undefined) return text;
  if (Array.isArray(value)) return value.map((item, index) => (index === first ? withText(item, rest, text) : item));
  return { ...(value as object), [first]: withText((value as Record<string, unknown>)[first], rest, text) };
}

/** `value` with an odd text in each place that takes one. */
function odd(schema: z.ZodType, value: unknown): { readonly value: unknown; readonly count: number } {
  let made = value;
  let count = 0;
  for (const path of textsIn(value)) {
    const taken = TEXTS.map((text) => withText(made, path, `${text}${count}`)).find((one) => schema.safeParse(one).success);
    if (taken === undefined) continue;
    made = taken;
    count += 1;
  }
  return { value: made, count };
}

/** Of several that the schema lets in, the one that takes most. */
function oddest(schema: z.ZodType, make: (seed: number) => unknown): unknown {
  const tried = Array.from({ length: 12 }, (_, seed) => odd(schema, make(seed + 1)));
  return tried.reduce((best, one) => (one.count > best.count ? one : best)).value;
}

function manifestOf(kind: Kind): object {
  const spec = oddest(kind.spec, (seed) => (fc.sample(arbitraryManifest(kind), { numRuns: 1, seed })[0] ?? assert.fail()).spec);
  const status = oddest(kind.status, (seed) => fc.sample(arbitraryOf(kind.status), { numRuns: 1, seed })[0]);
  return { metadata: { name: nameFor(kind, NAME), annotations: { "example.org/note": TEXTS[0] ?? "" } }, spec, status };
}

describe("console", { skip }, () => {
  let site: ConsoleSite;
  const closers: (() => unknown)[] = [];
  const made: StoredObject[] = [];
  before(async () => {
    site = await ConsoleSite.open({ after: (close) => void closers.push(close as () => unknown) });
    const { store, hub } = site.site.api;
    for (const kind of kinds.filter((one) => !NOT_MADE.includes(one.kind))) {
      const object = await store.create(kind, manifestOf(kind) as never, { subresource: "status" });
      made.push(object);
      for (const text of TEXTS) store.emit({ kind, object, type: "Warning", reason: text, message: text, component: text });
    }
    for (const topic of hub.board.topics())
      for (const [key, { value }] of [...hub.board.list(topic)].slice(0, 1)) {
        let said = value;
        for (const path of textsIn(value)) if (path.at(-1) !== "at") said = withText(said, path, TEXTS[0] ?? "");
        hub.board.put(topic, `${key}-${NAME}`, said as object, "test");
        hub.board.put(topic, NAME, said as object, "test");
        hub.board.put(topic, `default/${NAME}`, said as object, "test");
      }
    assert.ok(made.length > 10, String(made.length));
    assert.ok((JSON.stringify(made).match(/orreryInjected/g) ?? []).length > 100, "many fields take a text");
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  test("what an object holds, in whichever field, runs on no page and becomes no element", { timeout: 120_000 }, async () => {
    const open = await site.page("/");
    const { page } = open;
    try {
      page.on("dialog", (dialog) => void dialog.dismiss().then(() => open.faults.push("a dialog")));
      let shown = 0;
      for (const { path } of listPages())
        for (const place of [`${path}?open=default/${NAME}`, `${path}?open=${NAME}`]) {
          // As a link of the page does.
          await page.evaluate(`history.pushState(null, "", ${JSON.stringify(`/console${place}`)}); dispatchEvent(new PopStateEvent("popstate"))`);
          await untilCalm(page);
          const found = (await page.evaluate(`({
            hasRun: "orreryInjected" in window,
            elements: document.querySelectorAll('[data-injected], [onerror], [onload], main script, a[href^="javascript:" i], iframe').length,
            text: document.body.innerText.includes("orreryInjected"),
          })`)) as { readonly hasRun: boolean; readonly elements: number; readonly text: boolean };
          assert.deepEqual([found.hasRun, found.elements], [false, 0], place);
          if (found.text) shown += 1;
        }
      assert.ok(shown > 8, `it stands on ${shown} pages as text`);
      assert.deepEqual(open.faults, []);
    } finally {
      await open.close();
    }
  });
});
