import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";

/** A disk of its own, small enough to be filled; `undefined` where mounting is not allowed. `end` is called before it goes. */
export function mountDisk(context: TestContext, size: string, end: () => Promise<void>): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-disk-"));
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]).status === 0;
  context.after(async () => {
    try {
      await end();
    } finally {
      if (isMounted) spawnSync("umount", ["-l", folder]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return isMounted ? folder : undefined;
}

/** Leaves not one byte. Whoever runs there may free some by a rename, so that this is done again and again. */
export function fillDisk(disk: string): void {
  for (const bytes of [1024 * 1024, 4096, 1]) {
    const chunk = Buffer.alloc(bytes);
    for (;;) {
      try {
        appendFileSync(path.join(disk, "filler"), chunk);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOSPC") break;
        throw error;
      }
    }
  }
}

/** Gives back what `fillDisk` has taken. */
export function freeDisk(disk: string): void {
  rmSync(path.join(disk, "filler"));
}
