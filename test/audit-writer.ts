/** Begins actions in the audit of a data folder (argument 1), as many as argument 2 says, each with its outcome but the last; prints their sequences, then `now`, and waits to be killed. */
import { silentLog, sleep, systemClock, systemRandom } from "#/base/index.ts";
import { auditFolder, ensureSigningKey, openAudit, signingKeyFile } from "#/people/audit/index.ts";

const [, , data = "", count = "0"] = process.argv;
const audit = await openAudit({
  folder: auditFolder(data),
  key: ensureSigningKey(signingKeyFile(data)),
  facts: {},
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
for (let left = Number(count); left > 0; left--) {
  const entry = await audit.begin({ who: { name: "eva", via: "session" }, action: "update", object: { kind: "Microservice", name: "auth" } });
  console.log(String(entry.seq));
  if (left > 1) entry.end({ code: 200 });
}
console.log("now");
await sleep(systemClock, 60_000);
