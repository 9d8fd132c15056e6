import { OrreryError } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { exportAudit, pruneAudit } from "./audit-export.ts";
import { showAudit } from "./audit-show.ts";
import { verifyAudit } from "./audit-verify.ts";

/** Options that `audit show` alone has. */
const OF_SHOW: readonly string[] = ["--user", "--action", "--object", "--since", "--until", "--text", "--tail", "--follow"];

/** `orrery audit show|verify|export|prune`. */
export async function runAudit(context: CliContext, [what = "show", file]: readonly string[], options: Options): Promise<number> {
  const wrong = options.given.find((name) => (OF_SHOW.includes(name) ? what !== "show" : name === "--against" && what !== "verify"));
  if (wrong !== undefined) throw new OrreryError("cli/usage", `${wrong} is of audit ${wrong === "--against" ? "verify" : "show"}`);
  switch (what) {
    case "show":
      if (file !== undefined) throw new OrreryError("cli/usage", "audit show takes no file; of an export: orrery audit verify FILE");
      return await showAudit(context, options);
    case "verify":
      return await verifyAudit(context, file, options);
    case "export":
      return await exportAudit(context, needed(file, "where to: orrery audit export FILE"), options);
    case "prune":
      return await pruneAudit(context, needed(file, "an export of what is to be removed: orrery audit prune FILE"), options);
    default:
      throw new OrreryError("cli/usage", `found ${JSON.stringify(what)}; give show, verify, export or prune`);
  }
}

function needed(file: string | undefined, what: string): string {
  if (file === undefined) throw new OrreryError("cli/usage", `name ${what}`);
  return file;
}
