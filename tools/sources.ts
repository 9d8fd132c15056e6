import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** The project's root folder. */
export const ROOT: string = join(import.meta.dirname, "..");

const SKIPPED = new Set(["node_modules", ".git", ".cache", "coverage", "dist", "built"]);

/** Every file of the project below `folder` (from the root), as paths from the root with `/`; without what is installed, generated or run there. */
export async function listFiles(folder: string = "."): Promise<string[]> {
  const files: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return []; // A folder that does not exist yet, or went while we looked.
      throw error;
    });
    for (const entry of entries) {
      if (SKIPPED.has(entry.name) || entry.name.startsWith(".orrery")) continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) await visit(child);
      else if (entry.isFile()) files.push(relative(ROOT, child).split(sep).join("/"));
    }
  };
  await visit(join(ROOT, folder));
  return files.sort();
}

export async function readSource(file: string): Promise<string> {
  return await readFile(join(ROOT, file), "utf8");
}

/** The code without comments and without the text of strings, line for line: what a scan for names may look at. Templates keep their expressions. */
export function stripCommentsAndStrings(code: string): string {
  const pattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
  return code.replace(pattern, (match) => (match.startsWith("/") ? match.replace(/[^\n]/g, " ") : '""'));
}
