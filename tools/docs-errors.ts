/** Writes docs/errors.md: every error code that the code throws, with what its docstrings say of it. */
import { GATEWAY_ERRORS } from "#/traffic/gateway/core/index.ts";
import { keepDocument, markdownTable } from "./document.ts";
import { listFiles, readSource } from "./sources.ts";

const INTRODUCTION = `# Errors

Every code that Orrery gives, generated from the code by \`tools/docs-errors.ts\`. A code is \`room/what\`: the room of \`src/\` that found it out, and what. Codes stay; messages may get better: recognise an error by its code.

- The command prints the message: what failed, on which object, what to do. \`ORRERY_DEBUG=1\` adds code and details.
- The API answers with a Kubernetes \`Status\`; \`details.orrery\` holds code, retry and details.
- The gateway answers with \`application/problem+json\` (RFC 9457), whose \`code\` stands in the second table, and with \`Proxy-Status\` (RFC 9209).
- *Retry*: \`never\` (mend something first), \`backoff\` (the same again later), \`after-reread\` (read the object again, then retry).
`;

interface Facts {
  readonly meanings: Set<string>;
  readonly retries: Set<string>;
}

const CODE = "[a-z]+/[a-z][a-z-]*";
const errors = new Map<string, Facts>();
const factsOf = (code: string): Facts => {
  const facts = errors.get(code) ?? { meanings: new Set(), retries: new Set() };
  errors.set(code, facts);
  return facts;
};

const files = (await listFiles("src")).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !/conformance|^src\/simulation\//.test(file),
);
const sources = await Promise.all(files.map(readSource));
sources.forEach(collectThrown);
sources.forEach(collectMeanings);

/** What is thrown: `new OrreryError("code", message, {retry})`. */
function collectThrown(source: string): void {
  for (const match of source.matchAll(new RegExp(`new OrreryError\\(\\s*"(${CODE})"`, "g"))) {
    const facts = factsOf(match[1] ?? "");
    const rest = source.slice(match.index, match.index + 900);
    const call = rest.slice(0, endOfCall(rest));
    facts.retries.add(/retry: "([a-z-]+)"/.exec(call)?.[1] ?? "never");
    const message = /,\s*(`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")/.exec(call)?.[1];
    if (message !== undefined) facts.meanings.add(`“${message.slice(1, -1).replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…")}”`);
  }
}

/** Where the call that `text` begins with ends; its whole length if it is longer. */
function endOfCall(text: string): number {
  let depth = 0;
  for (let index = text.indexOf("("); index < text.length; index++) {
    if (text[index] === "(") depth += 1;
    if (text[index] === ")") depth -= 1;
    if (depth === 0) return index;
  }
  return text.length;
}

/** What docstrings say: `@throws code, code: words`, up to the next tag or the end. They are put before messages. */
function collectMeanings(source: string): void {
  for (const [block] of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const text = block.replace(/^\/\*\*|\*\/$|\n\s*\*/g, " ").replace(/\s+/g, " ");
    for (const [, codes = "", words = ""] of text.matchAll(
      new RegExp(`@throws ((?:${CODE}(?: \\([a-z-]+\\))?,? ?)+): (.*?)(?=@throws|;? ${CODE}[:;]|$)`, "g"),
    )) {
      for (const [code] of codes.matchAll(new RegExp(CODE, "g"))) {
        const facts = errors.get(code);
        if (facts === undefined) continue;
        const quoted = [...facts.meanings];
        facts.meanings.clear();
        for (const one of [words.trim().replace(/[;,.]$/, ""), ...quoted]) facts.meanings.add(one);
      }
    }
  }
}

/** Docstrings if there are any, else the messages themselves. */
function meaningOf({ meanings }: Facts): string {
  const said = [...meanings].filter((one) => !one.startsWith("“"));
  const chosen = said.length > 0 ? said : [...meanings];
  return chosen.slice(0, 3).join("; or: ");
}

const rows = [...errors]
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([code, facts]) => [`\`${code}\``, meaningOf(facts), [...facts.retries].sort().join(", ")]);
const gatewayRows = Object.entries(GATEWAY_ERRORS).map(([code, { status, title, proxyError }]) => [
  `\`${code}\``,
  String(status),
  title,
  `\`${proxyError}\``,
]);
keepDocument(
  "docs/errors.md",
  [
    INTRODUCTION,
    "## Thrown, and told by the API and the command",
    markdownTable(["code", "meaning", "retry"], rows),
    "## Answers that the gateway makes itself",
    markdownTable(["code", "HTTP", "meaning", "Proxy-Status error"], gatewayRows),
  ].join("\n\n"),
);
