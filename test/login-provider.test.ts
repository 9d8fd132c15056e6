/** Logging in at a real OpenID Connect provider, on another host, as a browser does. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type TestContext, test } from "node:test";
import Provider from "oidc-provider";
import { type LoginSite, openLoginSite, type Tab, tabOf, until } from "./login-site.ts";

const SECRET = "a client secret";

/** What the provider says of a person. */
interface Account {
  readonly preferred_username?: string;
  readonly name?: string;
  readonly groups?: readonly string[];
}

interface Rig {
  readonly site: LoginSite;
  readonly issuer: string;
  readonly accounts: Map<string, Account>;
  readonly server: Server;
  /** What the browser has of each host. */
  readonly jar: Map<string, string>;
  /** Goes where links and redirects lead, as a browser does. */
  visit(
    url: string,
    options?: { readonly form?: Readonly<Record<string, string>>; readonly follow?: boolean },
  ): Promise<{ status: number; url: string; text: string; headers: Headers }>;
  /** The whole way, to the page that the callback leads to. */
  logIn(subject: string, to?: string): Promise<{ status: number; text: string; page: string | undefined }>;
}

async function startRig(t: TestContext): Promise<Rig> {
  const site = await openLoginSite(t);
  const server = createServer();
  server.listen(0, "127.0.0.2");
  await once(server, "listening");
  const issuer = `http://127.0.0.2:${(server.address() as AddressInfo).port}`;
  const accounts = new Map<string, Account>();
  const provider = new Provider(issuer, {
    clients: [{ client_id: "orrery", client_secret: SECRET, redirect_uris: [`${site.plain}/login/callback`] }],
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"] },
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
    cookies: { keys: ["for this test"] },
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: async () => ({ sub, ...accounts.get(sub) }) }),
  });
  provider.on("server_error", (_context: unknown, error: unknown) => console.error(error));
  server.on("request", provider.callback());
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const secretFile = path.join(site.api.folder, "client-secret");
  writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
  await site.admin("POST", "/apis/orrery.dev/v1/namespaces/default/sites", {
    apiVersion: "orrery.dev/v1",
    kind: "Site",
    metadata: { name: "site" },
    spec: { login: { provider: { name: "Company", issuer, clientId: "orrery", secretFile } } },
  });
  await until(async () => (await site.ask("GET", "/login")).body["provider"] !== undefined);
  const jar = new Map<string, string>();
  const visit: Rig["visit"] = async (url, { form, follow = true } = {}) => {
    const { host } = new URL(url);
    const cookies = [...jar].filter(([key]) => key.startsWith(`${host} `)).map(([key, value]) => `${key.slice(host.length + 1)}=${value}`);
    const answer = await fetch(url, {
      redirect: "manual",
      headers: { cookie: cookies.join("; "), "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
      ...(form !== undefined && { method: "POST", body: new URLSearchParams(form) }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = ""] = cookie.split(";");
      jar.set(`${host} ${pair.slice(0, pair.indexOf("="))}`, pair.slice(pair.indexOf("=") + 1));
    }
    const location = answer.headers.get("location");
    if (location !== null && follow) return await visit(new URL(location, url).href);
    return { status: answer.status, url, text: await answer.text(), headers: answer.headers };
  };
  const logIn: Rig["logIn"] = async (subject, to = "/console/services?state=bad") => {
    let at = await visit(`${site.plain}/login/provider?to=${encodeURIComponent(to)}`);
    for (let form = /<form[^>]*action="([^"]+)"[\s\S]*?name="prompt" value="(\w+)"/.exec(at.text); form !== null; ) {
      const [, action = "", prompt = ""] = form;
      at = await visit(new URL(action, at.url).href, { form: { prompt, login: subject, password: "any" } });
      form = /<form[^>]*action="([^"]+)"[\s\S]*?name="prompt" value="(\w+)"/.exec(at.text);
    }
    const page = /content="0;url=([^"]+)"/.exec(at.text)?.[1]?.replaceAll("&amp;", "&");
    return { status: at.status, text: at.text, page };
  };
  return { site, issuer, accounts, server, jar, visit, logIn };
}

const enter = async (site: LoginSite, page: string | undefined): Promise<Tab> =>
  tabOf(await site.ask("POST", "/login", { body: { link: page?.split("#link=")[1] } }));

test("who comes back from the provider is let in by a page of ours, at the page that they wanted, with the groups that it told", async (t) => {
  const { site, accounts, logIn, jar } = await startRig(t);
  accounts.set("sub-1", { preferred_username: "Anna.Müller@example.org", name: "Anna", groups: ["night", "orrery:admins", "System:masters"] });
  const { status, page, text } = await logIn("sub-1");
  assert.equal(status, 200, text);
  assert.match(page ?? "", /^\/console\/services\?state=bad#link=/);
  assert.equal([...jar.keys()].filter((key) => key.endsWith("-state")).length, 1);
  assert.equal(jar.get([...jar.keys()].find((key) => key.endsWith("-state")) ?? ""), "", "what was kept meanwhile is forgotten");
  const tab = await enter(site, page);
  const me = await site.page(tab, "GET", "/me");
  assert.deepEqual([me.body["groups"], me.body["displayName"], (me.body["session"] as { how: string }).how], [["night"], "Anna", "provider"]);
  assert.match(String(me.body["name"]), /^anna-m-ller-[0-9a-f]{10}$/);
  // Somebody without a role sees what they are, and nothing of the site.
  assert.equal((await site.page(tab, "GET", "/apis/orrery.dev/v1/sites")).status, 403);
  await site.admin("POST", "/apis/orrery.dev/v1/roles", {
    apiVersion: "orrery.dev/v1",
    kind: "Role",
    metadata: { name: "looks" },
    spec: { description: "Looks.", rules: [{ verbs: ["get", "list", "watch"], kinds: ["sites"] }], groups: [{ name: "night" }] },
  });
  await until(async () => (await site.page(tab, "GET", "/apis/orrery.dev/v1/sites")).status === 200);
});

test("a user is who the provider's subject says: not one of the same name or mail, and the same one under a new name", async (t) => {
  const { site, issuer, accounts, logIn, jar } = await startRig(t);
  await site.setUser("ben", { displayName: "ben", roles: [{ role: "admin" }] });
  accounts.set("sub-2", { preferred_username: "ben", name: "ben" });
  const first = await enter(site, (await logIn("sub-2")).page);
  const name = String((await site.page(first, "GET", "/me")).body["name"]);
  assert.notEqual(name, "ben");
  jar.clear();
  accounts.set("sub-2", { preferred_username: "benjamin" });
  const again = await enter(site, (await logIn("sub-2")).page);
  assert.equal((await site.page(again, "GET", "/me")).body["name"], name);
  // A person has linked this one.
  jar.clear();
  await site.setUser("carla", { identities: [{ issuer, subject: "sub-3" }] });
  assert.equal((await site.page(await enter(site, (await logIn("sub-3")).page), "GET", "/me")).body["name"], "carla");
  jar.clear();
  await site.setUser("carla", { identities: [{ issuer, subject: "sub-3" }], disabled: true });
  const refused = await logIn("sub-3");
  assert.deepEqual([refused.status, refused.page], [403, undefined]);
  assert.match(refused.text, /carla is disabled/);
});

test("what comes back without having been begun here, or a second time, or with another state, lets nobody in", async (t) => {
  const { site, accounts, visit, jar } = await startRig(t);
  accounts.set("sub-1", {});
  const foreign = await visit(`${site.plain}/login/callback?code=abc&state=def`);
  assert.deepEqual([foreign.status, /#link=/.test(foreign.text)], [403, false]);
  await visit(`${site.plain}/login/provider`, { follow: false });
  const kept = [...jar].find(([key]) => key.endsWith("-state"))?.[1] ?? "";
  for (const query of ["", "code=abc&state=wrong", `code=abc&state=${kept.split(".")[0]}`, `error=access_denied&state=${kept.split(".")[0]}`]) {
    const [key = ""] = [...jar.keys()].filter((one) => one.endsWith("-state"));
    jar.set(key, kept);
    const told = await visit(`${site.plain}/login/callback?${query}&iss=<script>`);
    assert.equal(told.status, 403, told.text);
    assert.doesNotMatch(told.text, /#link=|<script/);
  }
});

test("open redirect: the way back leads to a page of the console and nowhere else", async (t) => {
  const { accounts, logIn, jar } = await startRig(t);
  accounts.set("sub-1", {});
  for (const to of [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/console/\\evil.example",
    "/console/%5cevil.example/..",
    "/console//evil.example",
    "/console/../logs",
    "/console/%2e%2e/logs",
    "/logs",
    "javascript:alert(1)",
    '/console/"><script>',
    "/console/x;url=//evil",
    `/console/${"a".repeat(500)}`,
  ]) {
    jar.clear();
    assert.match((await logIn("sub-1", to)).page ?? "", /^\/console\/#link=/, to);
  }
});

test("a provider that is away is told of, and keeps nobody out who has a password or a link", async (t) => {
  const { site, server, visit } = await startRig(t);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const told = await visit(`${site.plain}/login/provider`);
  assert.deepEqual([told.status, told.headers.get("set-cookie")], [503, null]);
  assert.match(told.text, /Company \(http:\/\/127\.0\.0\.2:\d+\) does not answer: .*password or a link/);
  await until(async () => ((await site.ask("GET", "/login")).body["provider"] as { isAway: boolean }).isAway);
  assert.ok(await site.byLink());
});

test("the client's secret stands in no object, no answer and no log", async (t) => {
  const { site, accounts, logIn } = await startRig(t);
  accounts.set("sub-1", {});
  await logIn("sub-1");
  const objects = JSON.stringify(await site.admin("GET", "/apis/orrery.dev/v1/namespaces/default/sites"));
  const logged = JSON.stringify(site.api.logged);
  for (const text of [objects, logged, (await site.ask("GET", "/login")).text]) assert.ok(!text.includes(SECRET));
});
