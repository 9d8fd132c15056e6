import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describeError, OrreryError, shellWord, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import type { Client } from "#/state/client/index.ts";
import { readIdentity, serverNameOf } from "./site-identity.ts";
import { readEndpoints } from "./supervisor/endpoints.ts";

/** A client of the API that runs on a data folder, as `user` of the machine, or with a token of one's own. Connects when first used.
 *  @throws cli/not-running: nothing was started there
 *  @throws cli/no-token: it, its token or certificate may not be read */
export async function connectTo(
  data: string,
  options: { readonly user: string; readonly version: string; readonly token?: string | undefined },
): Promise<Client> {
  checkReadable(data);
  const identity = readIdentity(data);
  if (identity.state === "copied")
    throw new OrreryError(
      "cli/not-running",
      `nothing was started on the data folder ${data}, which is a copy of ${identity.from}; start it with: orrery up --data ${shellWord(data)}`,
    );
  const endpoints = readEndpoints(data);
  if (endpoints === undefined || !existsSync(path.join(data, "run")))
    throw new OrreryError(
      "cli/not-running",
      `nothing was started on the data folder ${data}; start it with: orrery up --data ${shellWord(data)}, or name another folder with --data`,
    );
  const { createClient } = await import("#/state/client/index.ts");
  return createClient({
    url: endpoints.api,
    serverName: identity.state === "own" ? serverNameOf(identity.id) : undefined,
    ca: readSecret(path.join(data, "pki", "ca.crt")),
    token: options.token ?? readSecret(path.join(data, "tokens", options.user)).trim(),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    userAgent: `orrery/${options.version}`,
  });
}

/** A folder that may not be looked into says nothing about what runs there. */
function checkReadable(data: string): void {
  try {
    statSync(path.join(data, "endpoints.json"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") return;
    throw new OrreryError("cli/no-token", `the data folder ${data} may not be read by this user; run this as the user who started the site`, {
      cause: error,
    });
  }
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new OrreryError("cli/no-token", `cannot read ${file}: ${describeError(error)}; run this as the user who started the site`, {
      cause: error,
    });
  }
}
