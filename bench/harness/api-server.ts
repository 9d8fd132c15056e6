/** A server as the centre's, without controllers: the API over the store in a data folder (argument 1). Writes `{"url", "token", "ca"}` to stdout when it listens; ends on SIGTERM. Its log goes to <data>/server.log, as the centre's goes to a file. */

import { mkdirSync } from "node:fs";
import path from "node:path";
import { systemClock, systemRandom } from "#/base/index.ts";
import { createApi } from "#/face/api/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { machineTokens } from "#/people/access/index.ts";
import { auditFolder, ensureSigningKey, openAudit, signingKeyFile } from "#/people/audit/index.ts";
import { ensureCertificates, ensureTokens, tokenAuthenticator } from "#/pki/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { fileLog } from "../../src/apps/json-log.ts";

const data = process.argv[2] ?? "";
mkdirSync(path.join(data, "state"), { recursive: true });
const log = fileLog(path.join(data, "server.log"));
const common = { clock: systemClock, random: systemRandom };
const certificates = await ensureCertificates({ folder: path.join(data, "pki"), addresses: [], nowMs: Date.now(), random: systemRandom });
const tokens = await ensureTokens(path.join(data, "tokens"), systemRandom);
const tree = await openSqliteTree({ file: path.join(data, "state/tree.db"), ...common });
const store = await openTreeStore({ tree, kinds, log, ...common });
const stopping = new AbortController();
store.startGarbageCollector(stopping.signal);
const audit = await openAudit({ folder: auditFolder(data), key: ensureSigningKey(signingKeyFile(data)), facts: {}, log, ...common });
const api = createApi({
  store,
  kinds,
  authenticate: machineTokens(tokenAuthenticator(tokens)),
  log,
  trail: { audit },
  version: "0.0.0",
  certificate: certificates.certificate,
  key: certificates.key,
  ...common,
});
const { port } = await api.listen({ host: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ url: `https://127.0.0.1:${port}`, token: tokens.get("admin"), ca: certificates.ca }));

process.once("SIGTERM", async () => {
  await api.close();
  await audit.close();
  stopping.abort();
  await store.close();
  await tree.close();
  process.exit(0);
});
