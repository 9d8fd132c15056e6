import { OrreryError } from "#/base/index.ts";

/** The folder that this process was called in. `wasThere`: false if the launcher has left it because it was gone, as Node.js would not start there.
 *  @throws cli/no-folder: it is gone */
export function currentFolder(wasThere: boolean): string {
  try {
    if (wasThere) return process.cwd();
  } catch {
    // Removed since the start.
  }
  throw new OrreryError(
    "cli/no-folder",
    "the current folder does not exist any more; go to another one (cd), or give absolute paths, such as --data /srv/site",
  );
}
