import { request as httpRequest } from "node:http";
import type { TestContext } from "node:test";
import { type CentreLoginOptions, startLogin } from "#/apps/centre/centre-login.ts";
import { CENTRE_KINDS, CENTRE_PARTS } from "#/apps/centre/parts.ts";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { user } from "#/model/index.ts";
import { fixedRoles, machineTokens, openAccess } from "#/people/access/index.ts";
import { type ApiSite, type ApiSiteOptions, openApiSite } from "./api-site.ts";

/** An answer, whole. */
export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** What a browser has of a session: its jar and what the page keeps. */
export interface Tab {
  readonly cookie: string;
  readonly secret: string;
  readonly id: string;
}

export interface LoginSite {
  readonly api: ApiSite;
  /** `http://127.0.0.1:PORT`: where browsers are. */
  readonly plain: string;
  readonly port: number;
  ask(method: string, path: string, options?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }): Promise<Told>;
  /** As a page of the console does. */
  page(tab: Tab, method: string, path: string, body?: unknown): Promise<Told>;
  /** As the machine's admin, over TLS. */
  admin(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>>;
  byLink(name?: string, body?: object): Promise<Tab>;
  setUser(name: string, spec: object): Promise<void>;
  removeUser(name: string): Promise<void>;
}

/** A site where people log in: `anna`, an admin, and the machine's admin. */
export async function openLoginSite(
  t: Pick<TestContext, "after">,
  options: ApiSiteOptions & { readonly login?: Partial<CentreLoginOptions> } = {},
): Promise<LoginSite> {
  const stop = new AbortController();
  const api = await openApiSite(t, {
    ...options,
    async withLogin({ store, authenticate, tree }) {
      const common = { store, clock: systemClock, random: systemRandom, log: silentLog, signal: stop.signal };
      const rights = CENTRE_PARTS.flatMap((part) => part.rights ?? []);
      const access = openAccess({ ...common, kinds: CENTRE_KINDS, machine: fixedRoles(rights) });
      const { login, browser, ended } = await startLogin({
        ...{ ...common, machine: machineTokens(authenticate), history: tree.history, identity: "0a1b2c3d-0000", listen: "127.0.0.1", site: "/" },
        ...options.login,
      });
      await access.ready;
      t.after(async () => {
        stop.abort();
        await Promise.all([ended, access.ended]);
      });
      return {
        authenticate: login.authenticate,
        onRevoked: login.onRevoked,
        login: { login, browser },
        authorizer: access.authorizer,
        approvals: access.approvals,
      };
    },
  });
  const { port } = await api.api.listenPlain({ host: "127.0.0.1", ports: [0] });
  const plain = `http://127.0.0.1:${port}`;
  const ask: LoginSite["ask"] = (method, path, { headers = {}, body } = {}) => askPlain(plain, method, path, headers, body);
  const site: LoginSite = {
    api,
    plain,
    port,
    ask,
    page: (tab, method, path, body) =>
      ask(method, path, { headers: { cookie: tab.cookie, "orrery-session": tab.secret, "sec-fetch-site": "same-origin" }, body }),
    async admin(method, path, body) {
      const client = api.client("admin");
      return (await client.request({ method, path, body })).body as Readonly<Record<string, unknown>>;
    },
    async byLink(name, body = {}) {
      const { link } = await site.admin("POST", "/login-links", { ...(name !== undefined && { user: name }), ...body });
      return tabOf(await ask("POST", "/login", { body: { link } }));
    },
    async setUser(name, spec) {
      const { store } = api;
      const present = await store.get(user, { name });
      const whole = { metadata: { name }, spec: user.spec.parse(spec) };
      await (present === undefined ? store.create(user, whole) : store.update(user, whole));
      // Each copy has it by the time that a request of it is answered so.
      await until(async () => JSON.stringify((await store.get(user, { name }))?.spec) === JSON.stringify(whole.spec));
    },
    removeUser: async (name) => void (await api.store.delete(user, { name })),
  };
  await site.setUser("anna", { roles: [{ role: "admin" }] });
  await until(async () => (await site.admin("POST", "/tokens", { user: "anna", ttl: "1h" }).catch(() => undefined)) !== undefined);
  return site;
}

/** Waits until it is so: what is written reaches local copies a moment later. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error("it does not become so");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What a browser keeps of a login. */
export function tabOf(told: Told): Tab {
  if (told.status !== 200) throw new Error(`no login: ${told.status} ${told.text}`);
  const cookie = [told.headers["set-cookie"] ?? []]
    .flat()
    .map((one) => one.split(";")[0])
    .join("; ");
  return { cookie, secret: String(told.body["secret"]), id: String((told.body["session"] as { id?: string }).id) };
}

function askPlain(url: string, method: string, path: string, headers: Readonly<Record<string, string>>, body: unknown): Promise<Told> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const request = httpRequest(
      `${url}${path}`,
      { method, headers: { ...(text !== undefined && { "content-type": "application/json" }), ...headers }, agent: false },
      (response) => {
        let whole = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          whole += part;
        });
        response.on("error", reject).on("end", () => {
          let parsed: unknown;
          try {
            parsed = JSON.parse(whole);
          } catch {
            parsed = {};
          }
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed as Told["body"], text: whole });
        });
      },
    );
    request.on("error", reject).end(text);
  });
}
