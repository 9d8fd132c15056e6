import { isPure } from "./arrows.ts";
import { BASE_LINES_MAX } from "./rooms.ts";
import { listFiles, readSource, stripCommentsAndStrings } from "./sources.ts";

/** What a pure part must not reach for: the world outside its arguments. */
const EFFECTS: readonly RegExp[] = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bperformance\.now\b/,
  /\bMath\.random\b/,
  /\b(?:randomUUID|randomBytes|randomInt|getRandomValues)\b/,
  /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
  /\bprocess\.\w+/,
  /\bconsole\.\w+/,
  /\bfetch\(/,
];

/** Uses of clock, randomness, timers or the process in the pure parts, each with file and line. */
export async function findImpurities(): Promise<string[]> {
  const found: string[] = [];
  for (const file of await listFiles("src")) {
    if (file.endsWith(".ts") && isPure(file)) found.push(...findEffects(file, await readSource(file)));
  }
  return found;
}

export function findEffects(file: string, code: string): string[] {
  return stripCommentsAndStrings(code)
    .split("\n")
    .flatMap((line, index) => {
      const effect = EFFECTS.map((pattern) => pattern.exec(line)?.[0]).find((match) => match !== undefined);
      return effect === undefined ? [] : [`${file}:${index + 1}: ${effect} in a pure part: take it as an argument`];
    });
}

/** Says so when src/base/ without its tests has more lines than allowed. */
export async function findBaseOverflow(): Promise<string[]> {
  let lines = 0;
  for (const file of await listFiles("src/base")) {
    if (file.endsWith(".ts") && !file.endsWith(".test.ts")) lines += (await readSource(file)).trimEnd().split("\n").length;
  }
  return lines > BASE_LINES_MAX
    ? [`src/base/ has ${lines} lines, at most ${BASE_LINES_MAX} are allowed: move what is not ground for everybody into a room`]
    : [];
}

/** Hosts of package registries, in pieces, so that this file does not name them either. */
const REGISTRIES: readonly string[] = [
  ...[
    ["registry", "npmjs", "org"],
    ["registry", "npmmirror", "com"],
    ["registry", "yarnpkg", "com"],
    ["npm", "pkg", "github", "com"],
  ],
  ...[
    ["pypi", "org"],
    ["files", "pythonhosted", "org"],
    ["proxy", "golang", "org"],
    ["crates", "io"],
    ["rubygems", "org"],
  ],
  ...[
    ["repo", "maven", "apache", "org"],
    ["repo1", "maven", "org"],
    ["api", "nuget", "org"],
    ["ghcr", "io"],
    ["registry-1", "docker", "io"],
  ],
].map((parts) => parts.join("."));

const TEXT =
  /(?:^|\/)(?:[^./]+|\.[^/]+|.*\.(?:ts|tsx|js|mjs|cjs|json|yaml|yml|md|sh|toml|txt|css|html|svg|proto|py|go|java|cs|cpp|h|xml|conf|ini|lock))$/;

/** Files that name the host of a package registry: where packages come from is the user's setting, never ours. */
export async function findRegistryHosts(): Promise<string[]> {
  const found: string[] = [];
  for (const file of await listFiles()) {
    if (!TEXT.test(file)) continue;
    const lines = (await readSource(file)).split("\n");
    lines.forEach((line, index) => {
      const host = REGISTRIES.find((each) => line.includes(each));
      if (host !== undefined) found.push(`${file}:${index + 1}: names the package registry ${host}`);
    });
  }
  return found;
}
