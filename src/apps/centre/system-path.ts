import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CertificateEnd, readCertificateEnds } from "#/pki/index.ts";
import type { PartPath } from "#/state/reconcile/index.ts";

/** What is asked of a platform before a fire: how long its certificates last, and what would be left. */
export interface SystemFacts {
  readonly certificates: readonly CertificateEnd[];
  readonly backups: {
    /** On the centre's machine. */
    readonly folder: string;
    readonly count: number;
    /** Absent: there is none. */
    readonly last?: { readonly file: string; readonly at: string; readonly bytes: number };
  };
}

/** `GET /system`: facts of the centre's machine that stand in no object. */
export function systemPath({ pki, backups }: { readonly pki: string; readonly backups: string }): PartPath {
  return {
    method: "GET",
    path: "/system",
    serve: async (): Promise<SystemFacts> => ({ certificates: await readCertificateEnds(pki), backups: await readBackups(backups) }),
  };
}

async function readBackups(folder: string): Promise<SystemFacts["backups"]> {
  // No folder: none was made yet.
  const names = await readdir(folder).catch(() => [] as string[]);
  const files = await Promise.all(
    names
      .filter((name) => name.endsWith(".db"))
      .map(async (name) => {
        const file = join(folder, name);
        // One that is removed meanwhile is none.
        const found = await stat(file).catch(() => undefined);
        return found === undefined ? [] : [{ file, atMs: found.mtimeMs, bytes: found.size }];
      }),
  );
  const [last] = files.flat().sort((a, b) => b.atMs - a.atMs);
  return {
    folder,
    count: files.flat().length,
    ...(last !== undefined && { last: { file: last.file, at: new Date(last.atMs).toISOString(), bytes: last.bytes } }),
  };
}
