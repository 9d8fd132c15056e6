import path from "node:path";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { auditFolder, ensureSigningKey, openAudit, signingKeyFile } from "#/people/audit/index.ts";

/** Carries out a restore of a data folder on which nothing runs, told in its audit before and after: the audit itself is not put back.
 *  @throws audit/unwritable: it cannot be told, and was not done; and what `restore` throws */
export async function auditRestore<T>(data: string, from: string, restore: () => Promise<T>): Promise<T> {
  const audit = await openAudit({
    folder: auditFolder(data),
    key: ensureSigningKey(signingKeyFile(data)),
    facts: {},
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  try {
    const who = { name: "admin", via: "machine" } as const;
    const entry = await audit.begin({ who, action: "restore", detail: { file: path.basename(from) } }, { isUrgent: true });
    try {
      const done = await restore();
      entry.end({ code: 200 });
      return done;
    } catch (error) {
      entry.end({ code: 500, message: error instanceof Error ? error.name : "it failed" });
      throw error;
    }
  } finally {
    await audit.close();
  }
}
