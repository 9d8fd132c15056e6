import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { type Arrow, findForbiddenArrows, findUnknownRooms } from "./arrows.ts";
import { listFiles, ROOT } from "./sources.ts";

/** Type imports count as arrows, too, also in circles: two files that need each other to be read are one. The swc parser, because with TypeScript 7 the other one sees no module and calls that a success. */
const OPTIONS: ICruiseOptions = {
  baseDir: ROOT,
  parser: "swc",
  tsPreCompilationDeps: true,
  doNotFollow: { path: "node_modules" },
  enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  exclude: { path: "^(?:docs|sdk|console)/" },
  validate: true,
  ruleSet: {
    forbidden: [
      { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
      {
        name: "no-dev-package",
        severity: "error",
        from: { path: "^src/", pathNot: "(?:\\.test\\.ts|/conformance|/arbitrary\\.ts)" },
        to: { dependencyTypes: ["npm-dev"] },
      },
    ],
  },
};

const FOLDERS = ["src", "test", "tools", "bench", "sites"];

/** What is wrong with the imports: arrows that the rooms forbid, cycles, modules that do not exist, development packages in what ships. */
export async function findImportFaults(): Promise<string[]> {
  const sources = (await Promise.all(FOLDERS.map(listFiles))).flat().filter((file) => file.endsWith(".ts"));
  const folders = FOLDERS.filter((folder) => sources.some((file) => file.startsWith(`${folder}/`)));
  const { modules, summary } = (await cruise(folders, OPTIONS)).output as ICruiseResult;
  const seen = new Set(modules.map((module) => module.source));
  const unseen = sources.filter((file) => !seen.has(file));

  const imports = modules.flatMap((module) => module.dependencies.map((dependency) => ({ from: module.source, ...dependency })));
  const arrows: Arrow[] = imports.map(({ from, resolved, dependencyTypes }) => ({
    from,
    to: resolved,
    isTypeOnly: dependencyTypes.includes("type-only"),
  }));
  // Newer built-in modules exist under `node:` only, and the resolver does not know them.
  const missing = imports.filter((each) => each.couldNotResolve && !each.module.startsWith("node:"));
  return [
    ...(sources.length === 0 ? ["no module was found: the check itself is broken"] : []),
    ...unseen.map((file) => `${file}: not seen by dependency-cruiser: the check itself is broken`),
    ...findUnknownRooms(sources),
    ...findForbiddenArrows(arrows),
    ...findHeavyThreads(arrows),
    ...missing.map(({ from, module }) => `${from} → ${module}: there is no such module`),
    ...summary.violations.map(({ rule, from, to, cycle }) => `${rule.name}: ${[from, ...(cycle?.map((step) => step.name) ?? [to])].join(" → ")}`),
  ];
}

/** Schemas take some 15 MB in each thread that loads them, whether it looks at any or not. */
const HEAVY = /^node_modules\/zod\//;

/** Threads that come to load schemas, and by what way. */
function findHeavyThreads(arrows: readonly Arrow[]): readonly string[] {
  const loaded = Map.groupBy(
    arrows.filter(({ isTypeOnly }) => !isTypeOnly),
    ({ from }) => from,
  );
  return [...loaded.keys()]
    .filter((file) => /^src\/(?!simulation\/).*-worker\.ts$/.test(file))
    .flatMap((thread) => {
      const cameBy = new Map<string, string | undefined>([[thread, undefined]]);
      for (const file of cameBy.keys()) for (const { to } of loaded.get(file) ?? []) if (!cameBy.has(to)) cameBy.set(to, file);
      const heavy = [...cameBy.keys()].find((file) => HEAVY.test(file));
      if (heavy === undefined) return [];
      const way: string[] = [];
      for (let at: string | undefined = heavy; at !== undefined; at = cameBy.get(at)) way.unshift(at);
      return [`a thread loads schemas, which take 15 MB: ${way.join(" → ")}`];
    });
}
