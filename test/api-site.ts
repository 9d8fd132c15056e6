import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CENTRE_KINDS, CENTRE_PARTS, STORED_KINDS } from "#/apps/centre/parts.ts";
import { type Log, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Api, type ApiOptions, createApi } from "#/face/api/index.ts";
import { user } from "#/model/index.ts";
import { type Authenticate, fixedRoles, machineTokens, openAccess } from "#/people/access/index.ts";
import { auditFolder, ensureSigningKey, type OpenAudit, openAudit, signingKeyFile } from "#/people/audit/index.ts";
import { ensureCertificates, ensureTokens, kubeconfig, tokenAuthenticator } from "#/pki/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { Hub } from "#/state/link/hub/index.ts";
import { openTreeStore, type TreeStore, type TreeStoreOptions } from "#/state/store/tree/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";

/** An API over a store of its own, as a centre runs it, without controllers. */
export interface ApiSite {
  readonly folder: string;
  readonly url: string;
  readonly port: number;
  readonly ca: string;
  readonly store: TreeStore;
  readonly tree: SqliteTree;
  readonly hub: Hub;
  readonly api: Api;
  readonly audit: OpenAudit;
  /** Lines that the API logged, newest last. */
  readonly logged: { readonly level: string; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[];
  token(user: string): string;
  /** A client of `user`; closed after the test. */
  client(user?: string, options?: { readonly ca?: string; readonly token?: string }): Client;
  /** Writes a kubeconfig of `user` and returns its path. */
  kubeconfig(user?: string, options?: { readonly token?: string; readonly ca?: string }): Promise<string>;
}

export interface ApiSiteOptions {
  readonly store?: Partial<TreeStoreOptions>;
  readonly api?: Partial<ApiOptions>;
  /** Logs people in: what it gives goes to the API. */
  readonly withLogin?: (made: {
    readonly store: TreeStore;
    readonly tree: SqliteTree;
    readonly authenticate: ReturnType<typeof tokenAuthenticator>;
  }) => Promise<Partial<ApiOptions>>;
  /** Of the audit: actions that demand a reason; bytes of its files. */
  readonly reasonFor?: () => readonly string[];
  readonly bytesMax?: () => number;
  /** Default true. */
  readonly hasCollector?: boolean;
  /** True: Users and Roles of the store decide, too; the token of a User is `token-of-<name>-0123456789`. Default: the tokens of the data folder alone. */
  readonly hasPeople?: boolean;
  /** Another site's, opened again as after a crash; default one of its own. */
  readonly tree?: SqliteTree;
  /** Another site's, for its certificates and tokens; default one of its own. */
  readonly folder?: string;
}

/** Opens a site for one test, on loopback and a free port; everything is closed and removed after it. */
export async function openApiSite(context: Pick<TestContext, "after">, options: ApiSiteOptions = {}): Promise<ApiSite> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "orrery-api-")));
  const certificates = await ensureCertificates({ folder: join(folder, "pki"), addresses: [], nowMs: Date.now(), random: systemRandom });
  const tokens = await ensureTokens(join(folder, "tokens"), systemRandom);
  const tree = options.tree ?? (await openSqliteTree({ file: join(folder, "tree.db"), clock: systemClock, random: systemRandom }));
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog, ...options.store });
  const stopping = new AbortController();
  if (options.hasCollector !== false) store.startGarbageCollector(stopping.signal);
  const audit = await openAudit({
    folder: auditFolder(folder),
    key: ensureSigningKey(signingKeyFile(folder)),
    facts: {},
    ...(options.bytesMax !== undefined && { bytesMax: options.bytesMax }),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  const hub = new Hub({ clock: systemClock, log: silentLog, version: "0.1.0", welcome: async () => ({ history: "test", epoch: 1 }) });
  const logged: ApiSite["logged"] = [];
  const rights = CENTRE_PARTS.flatMap((part) => part.rights ?? []);
  const common = { clock: systemClock, random: systemRandom, log: silentLog, signal: stopping.signal };
  const access = options.hasPeople === true ? openAccess({ store, kinds: CENTRE_KINDS, machine: fixedRoles(rights), ...common }) : undefined;
  await access?.ready;
  const api = createApi({
    store,
    kinds: CENTRE_KINDS,
    hub,
    authenticate: access === undefined ? machineTokens(tokenAuthenticator(tokens)) : withPeople(machineTokens(tokenAuthenticator(tokens)), store),
    rights,
    topics: CENTRE_PARTS.flatMap((part) => part.topics ?? []),
    ...(access !== undefined && { authorizer: access.authorizer, approvals: access.approvals }),
    clock: systemClock,
    random: systemRandom,
    log: recordingLog(logged),
    version: "0.1.0",
    certificate: certificates.certificate,
    key: certificates.key,
    ...(await options.withLogin?.({ store, tree, authenticate: tokenAuthenticator(tokens) })),
    trail: { audit, ...(options.reasonFor !== undefined && { reasonFor: options.reasonFor }) },
    ...options.api,
  });
  const { port } = await api.listen({ host: "127.0.0.1", port: 0 });
  const clients: Client[] = [];
  context.after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await api.close();
    hub.close("test over");
    await audit.close();
    stopping.abort();
    await store.close();
    if (options.tree === undefined) await tree.close();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  });
  const url = `https://127.0.0.1:${port}`;
  const token = (user: string): string => tokens.get(user) ?? `token-of-${user}-0123456789`;
  return {
    folder,
    url,
    port,
    ca: certificates.ca,
    store,
    tree,
    hub,
    api,
    audit,
    logged,
    token,
    client(user = "admin", given = {}) {
      const client = createClient({
        url,
        ca: given.ca ?? certificates.ca,
        token: given.token ?? token(user),
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        userAgent: "orrery-test/0.1.0",
      });
      clients.push(client);
      return client;
    },
    async kubeconfig(user = "admin", given = {}) {
      const path = join(folder, `kubeconfig-${user}-${Object.keys(given).join("-")}`);
      await writeFile(path, kubeconfig({ server: url, ca: given.ca ?? certificates.ca, user, token: given.token ?? token(user) }), { mode: 0o600 });
      return path;
    },
  };
}

function withPeople(machine: Authenticate, store: TreeStore): Authenticate {
  return async (given) => {
    const known = await machine(given);
    const name = "bearer" in given ? /^token-of-(.+)-0123456789$/.exec(given.bearer)?.[1] : undefined;
    if (known !== undefined || name === undefined) return known;
    const found = await store.get(user, { name });
    return found === undefined ? undefined : { name, uid: found.metadata.uid, groups: [], via: "token" };
  };
}

function recordingLog(lines: ApiSite["logged"]): Log {
  const record =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push({ level, message, fields });
    };
  const log: Log = { debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error"), child: () => log };
  return log;
}
