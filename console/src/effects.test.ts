import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

/** What an effect returns is called when it ends. Methods of the document that once returned nothing return promises in newer browsers: `scrollIntoView` so took the whole page away. */
test("an effect that is one expression calls a function of ours, by its name", () => {
  for (const file of globSync("**/*.{ts,tsx}", { cwd: import.meta.dirname })) {
    const text = readFileSync(path.join(import.meta.dirname, file), "utf8");
    for (const [, body = ""] of text.matchAll(/use(?:Layout|Insertion)?Effect\(\s*\(\) =>(?!\s*\{)\s*(.*)/g))
      assert.match(body, /^(\(\) =>|[a-z]\w*\()/i, `${file}: put it into braces: ${body}`);
  }
});

/** React holds back for 300 ms whatever comes after the fallback of a Suspense (FALLBACK_THROTTLE_MS of react-dom), so that first visits of pages took longer than that. */
test("no part waits behind a Suspense of React's: parts that are loaded later are those of parts/later.tsx", () => {
  for (const file of globSync("**/*.{ts,tsx}", { cwd: import.meta.dirname })) {
    const text = readFileSync(path.join(import.meta.dirname, file), "utf8");
    for (const [, names = ""] of text.matchAll(/import \{([^}]*)\} from "react"/g)) assert.doesNotMatch(names, /\b(?:lazy|Suspense)\b/, file);
  }
});
