import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { createServer } from "node:net";
import { OrreryError } from "#/base/index.ts";

/** Holds `name` for a folder against every other process of the machine, until `release` or the end of this process, however it ends: the kernel frees the abstract socket (unix(7)) that it is.
 *  @throws process/held: another process has it */
export async function holdName(folder: string, name: string): Promise<{ release(): Promise<void> }> {
  const digest = createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const isHeld = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      reject(
        isHeld
          ? new OrreryError("process/held", `another ${name} already works on ${folder}; stop it first, or choose another data folder`, {
              cause: error,
            })
          : error,
      );
    });
    server.listen(`\0orrery-${name}-${digest}`, resolve);
  });
  server.unref();
  return { release: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}
