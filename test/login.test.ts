/** Logging in over the API, as browsers and programs do, and what attackers try. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { test } from "node:test";
import WebSocket from "ws";
import type { LoginEvent } from "#/people/login/index.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { openLoginSite, type Tab, tabOf, until } from "./login-site.ts";

const PASSWORD = "correct horse battery";

test("a link opens a session, which needs both halves and tells who one is", async (t) => {
  const site = await openLoginSite(t);
  const tab = await site.byLink("anna");
  const me = await site.page(tab, "GET", "/me");
  assert.deepEqual([me.status, me.body["name"], me.body["via"], me.body["groups"]], [200, "anna", "session", []]);
  assert.equal((await site.page(tab, "GET", "/apis/orrery.dev/v1/sites")).status, 200);
  const refused = async (headers: Readonly<Record<string, string>>, path = "/me") => (await site.ask("GET", path, { headers })).status;
  assert.equal(await refused({ cookie: tab.cookie }), 401);
  assert.equal(await refused({ "orrery-session": tab.secret }), 401);
  assert.equal(await refused({ cookie: tab.cookie, "orrery-session": "x".repeat(43) }), 401);
  assert.equal(await refused({ authorization: `Bearer ${tab.secret}` }), 401);
  const other = await site.byLink("anna");
  assert.equal(await refused({ cookie: tab.cookie, "orrery-session": other.secret }), 401);
  assert.equal(await refused({ cookie: tab.cookie, "orrery-session": tab.secret }, "/healthz"), 200);
});

test("a session counts beside a scheme that there is not here, as a proxy adds it; alone that is refused", async (t) => {
  const site = await openLoginSite(t);
  const tab = await site.byLink("anna");
  const whole = { cookie: tab.cookie, "orrery-session": tab.secret, "sec-fetch-site": "same-origin" };
  const status = async (headers: Readonly<Record<string, string>>): Promise<number> => (await site.ask("GET", "/me", { headers })).status;
  for (const authorization of ["Basic cHJveHk6c2VjcmV0", "basic x", "Negotiate YII", "Digest a", ""])
    assert.deepEqual([await status({ ...whole, authorization }), await status({ authorization })], [200, 401], authorization);
  // A token says who asks: one that is none is not passed over.
  for (const authorization of ["Bearer x", "bearer", "Bearer "]) assert.equal(await status({ ...whole, authorization }), 401, authorization);
});

test("fixation: a login gives new halves, whatever the browser brings along", async (t) => {
  const site = await openLoginSite(t);
  const planted = await site.byLink();
  const { link } = await site.admin("POST", "/login-links", { user: "anna" });
  const told = await site.ask("POST", "/login", { body: { link }, headers: { cookie: planted.cookie, "orrery-session": planted.secret } });
  const tab = tabOf(told);
  assert.notEqual(tab.cookie, planted.cookie);
  assert.equal((await site.page(planted, "GET", "/me")).body["name"], "admin");
  assert.equal((await site.page(tab, "GET", "/me")).body["name"], "anna");
});

test("a cookie that was stolen is worth nothing, with a guessed half as little as after the logout", async (t) => {
  const site = await openLoginSite(t);
  const tab = await site.byLink("anna");
  const out = await site.page(tab, "POST", "/logout");
  assert.equal(out.status, 200);
  assert.match(String(out.headers["set-cookie"]), /^orrery-0a1b2c3d-\d+=; .*Max-Age=0/);
  const again = await site.page(tab, "GET", "/me");
  assert.deepEqual([again.status, again.headers["set-cookie"]], [401, undefined]);
});

test("CSRF: what another page makes a browser send is refused, with and without Fetch Metadata, also logging in and out", async (t) => {
  const site = await openLoginSite(t);
  const tab = await site.byLink("anna");
  const { link } = await site.admin("POST", "/login-links", {});
  const both = { cookie: tab.cookie, "orrery-session": tab.secret };
  const foreign: Readonly<Record<string, string>>[] = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "http://127.0.0.1:1" },
    { origin: "null" },
    { host: "evil.example" },
  ];
  for (const headers of foreign) {
    for (const [method, path, body] of [
      ["GET", "/me", undefined],
      ["POST", "/logout", {}],
      ["POST", "/login", { link }],
      ["POST", "/tokens", { ttl: "1h" }],
      ["GET", "/apis/orrery.dev/v1/sites", undefined],
    ] as const) {
      const told = await site.ask(method, path, { headers: { ...both, ...headers }, body });
      assert.deepEqual([told.status, told.headers["set-cookie"]], [403, undefined], `${method} ${path} ${JSON.stringify(headers)}`);
      assert.match(told.text, /publicUrl/);
    }
  }
  // A form can send neither our header nor JSON.
  for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
    assert.equal((await site.ask("POST", "/login", { headers: { "content-type": type }, body: JSON.stringify({ link }) })).status, 415);
  assert.equal((await site.page(tab, "GET", "/me")).status, 200);
  assert.equal((await site.ask("POST", "/login", { body: { link }, headers: { origin: site.plain } })).status, 200);
});

test("no preflight is answered with leave", async (t) => {
  const site = await openLoginSite(t);
  const told = await site.ask("OPTIONS", "/me", { headers: { host: `127.0.0.1:${site.port}`, "access-control-request-method": "GET" } });
  assert.equal(
    Object.keys(told.headers).find((name) => name.startsWith("access-control-")),
    undefined,
  );
  assert.ok(told.status >= 400);
});

test("DNS rebinding: a page under a foreign name gets nothing, not even the console's files", async (t) => {
  const site = await openLoginSite(t);
  for (const path of ["/console/", "/me", "/healthz", "/login"])
    assert.equal((await site.ask("GET", path, { headers: { host: `evil.example:${site.port}` } })).status, 403, path);
});

test("behind another port of the browser's own machine (ssh -L), and behind a proxy that the Site names, pages work", async (t) => {
  const site = await openLoginSite(t);
  const link = async () => (await site.admin("POST", "/login-links", {}))["link"];
  const login = async (headers: Readonly<Record<string, string>>) => await site.ask("POST", "/login", { headers, body: { link: await link() } });
  assert.equal((await login({ host: "localhost:9999", origin: "http://localhost:9999", "sec-fetch-site": "same-origin" })).status, 200);
  const proxied = { host: "console.example", origin: "https://console.example" };
  assert.equal((await login(proxied)).status, 403);
  await site.admin("POST", "/apis/orrery.dev/v1/namespaces/default/sites", {
    apiVersion: "orrery.dev/v1",
    kind: "Site",
    metadata: { name: "site" },
    spec: { login: { publicUrl: "https://console.example" } },
  });
  const told = await login(proxied);
  assert.equal(told.status, 200);
  assert.match(String(told.headers["set-cookie"]), /; Secure$/);
  assert.doesNotMatch(String((await login({})).headers["set-cookie"]), /Secure/);
});

test("two sites in one browser stay logged in: each has its cookie under its own name", async (t) => {
  const [one, other] = await Promise.all([openLoginSite(t), openLoginSite(t, { login: { identity: "ffffffff-0000" } })]);
  const [a, b] = [await one.byLink(), await other.byLink()];
  const jar = `${a.cookie}; ${b.cookie}`;
  assert.equal((await one.page({ ...a, cookie: jar }, "GET", "/me")).status, 200);
  assert.equal((await other.page({ ...b, cookie: jar }, "GET", "/me")).status, 200);
  assert.equal((await other.page({ ...a, cookie: jar }, "GET", "/me")).status, 401);
});

test("clickjacking and sniffing: no page of another origin may frame what is served here, or load it", async (t) => {
  const site = await openLoginSite(t);
  for (const path of ["/healthz", "/me", "/login"]) {
    const { headers } = await site.ask("GET", path);
    assert.deepEqual(
      [headers["x-frame-options"], headers["x-content-type-options"], headers["cross-origin-resource-policy"]],
      ["DENY", "nosniff", "same-origin"],
    );
  }
});

test("header injection and open redirects: nothing that is sent comes back in a head, and nothing leads elsewhere", async (t) => {
  const site = await openLoginSite(t);
  const tab = await site.byLink("anna");
  const odd = "a%0d%0aset-cookie:%20x=1";
  for (const path of [
    `/me?next=https://evil.example&${odd}`,
    `/sessions/${odd}`,
    `/console//evil.example/${odd}`,
    `/login?return=//evil.example`,
    "//evil.example/console",
  ]) {
    const told = await site.page(tab, path.startsWith("/sessions") ? "DELETE" : "GET", path);
    assert.doesNotMatch(JSON.stringify(told.headers), /x=1|evil/, path);
    assert.match(String(told.headers["location"] ?? "/"), /^\/(?!\/)/);
  }
});

test("what is answered with a secret is kept by no cache", async (t) => {
  const site = await openLoginSite(t);
  const { link } = await site.admin("POST", "/login-links", {});
  const told = await site.ask("POST", "/login", { body: { link } });
  const tab = tabOf(told);
  const token = await site.page(tab, "POST", "/tokens", { ttl: "1h" });
  for (const { headers } of [told, token, await site.page(tab, "GET", "/me")]) assert.equal(headers["cache-control"], "no-store");
});

test("passwords: set by an admin, changed by whoever knows it, wrong ones are told alike", async (t) => {
  const site = await openLoginSite(t);
  await site.admin("POST", "/users/anna/password", { password: PASSWORD });
  const login = (user: string, password: string) => site.ask("POST", "/login", { body: { user, password } });
  const tab = tabOf(await login("anna", PASSWORD));
  const [wrong, nobody] = [await login("anna", "wrong"), await login("eve", "wrong")];
  assert.deepEqual([wrong.status, wrong.body["message"]], [401, "wrong user or password"]);
  assert.deepEqual(nobody.body, wrong.body);
  const change = (body: object) => site.page(tab, "POST", "/users/anna/password", body);
  assert.equal((await change({ password: "another good one" })).status, 400);
  assert.equal((await change({ password: "another good one", current: "wrong" })).status, 401);
  assert.equal((await change({ password: "short", current: PASSWORD })).status, 400);
  assert.equal((await change({ password: "another good one", current: PASSWORD })).status, 200);
  assert.equal((await site.page(tab, "GET", "/me")).status, 200);
  await site.api.client("viewer").request({ path: "/me" });
  await assert.rejects(site.api.client("viewer").request({ method: "POST", path: "/users/anna/password", body: { password: PASSWORD } }), {
    code: "api/forbidden",
  });
});

test("why somebody acts for another is told to the audit, and can be demanded; of one's own it is not", async (t) => {
  let reasonFor: readonly string[] = [];
  const told: LoginEvent[] = [];
  const site = await openLoginSite(t, { reasonFor: () => reasonFor, login: { record: (event) => void told.push(event) } });
  await site.setUser("ben", { roles: [{ role: "viewer" }] });
  const anna = await site.byLink("anna");
  const deeds = [
    ["/login-links", { user: "ben" }, "link-made"],
    ["/tokens", { user: "ben", ttl: "1h" }, "token-made"],
    ["/users/ben/password", { password: PASSWORD }, "password-set"],
  ] as const;
  const ask = async (path: string, body: object, reason = "") =>
    await site.ask("POST", path, {
      headers: { cookie: anna.cookie, "orrery-session": anna.secret, "sec-fetch-site": "same-origin", "orrery-reason": reason },
      body,
    });
  for (const [path, body, action] of deeds) {
    reasonFor = [];
    assert.ok((await ask(path, body, "new%20here")).status < 300);
    assert.deepEqual([told.at(-1)?.action, told.at(-1)?.reason], [action, "new here"]);
    reasonFor = ["manage-users"];
    const refused = await ask(path, body);
    assert.match(refused.text, /say why; this site demands a reason/, path);
  }
  assert.ok((await ask("/tokens", { ttl: "1h" })).status < 300);
  assert.ok((await ask("/login-links", {})).status < 300);
});

test("a flood of wrong passwords is told to wait, with the seconds, and nobody else has to", async (t) => {
  const site = await openLoginSite(t);
  await site.admin("POST", "/users/anna/password", { password: PASSWORD });
  const known = tabOf(await site.ask("POST", "/login", { body: { user: "anna", password: PASSWORD } }));
  const told = await Promise.all(Array.from({ length: 12 }, () => site.ask("POST", "/login", { body: { user: "anna", password: "guess" } })));
  const waits = told.filter(({ status }) => status === 429);
  assert.equal(told.filter(({ status }) => status === 401).length, 5);
  assert.ok(waits.length === 7 && waits.every(({ headers }) => Number(headers["retry-after"]) >= 1));
  const again = await site.ask("POST", "/login", { body: { user: "anna", password: PASSWORD }, headers: { cookie: known.cookie } });
  assert.equal(again.status, 200);
});

test("behind a proxy that the Site trusts, and behind no other, who asks is who the proxy says", async (t) => {
  const site = await openLoginSite(t);
  await site.admin("POST", "/users/anna/password", { password: PASSWORD });
  const guess = async (from: string) =>
    (await site.ask("POST", "/login", { headers: { "x-forwarded-for": from }, body: { user: "anna", password: "guess" } })).status;
  // Another address each time, as whoever guesses would like it.
  const told = await Promise.all(Array.from({ length: 7 }, (_, index) => guess(`192.0.2.${index}`)));
  assert.deepEqual(told.filter((status) => status === 429).length, 2);
  await site.admin("POST", "/apis/orrery.dev/v1/namespaces/default/sites", {
    apiVersion: "orrery.dev/v1",
    kind: "Site",
    metadata: { name: "site" },
    spec: { login: { trustedProxies: ["127.0.0.0/8"] } },
  });
  await until(async () => (await guess("198.51.100.1")) === 401);
  const behind = await Promise.all(Array.from({ length: 6 }, (_, index) => guess(`6.6.6.${index}, 198.51.100.2`)));
  assert.equal(behind.filter((status) => status === 429).length, 1, "one client, whatever it writes before");
  assert.equal(await guess("203.0.113.77"), 401, "another one need not wait");
  const tab = await site.byLink("anna");
  await site.ask("PATCH", "/apis/orrery.dev/v1/namespaces/default/sites/site", {
    headers: {
      cookie: tab.cookie,
      "orrery-session": tab.secret,
      "content-type": "application/merge-patch+json",
      "x-forwarded-for": "6.6.6.6, 203.0.113.5",
    },
    body: { metadata: { labels: { a: "b" } } },
  });
  const { items } = (await site.admin("GET", "/audit", undefined)) as {
    readonly items: readonly { readonly from?: string; readonly who: { readonly name: string } }[];
  };
  assert.ok(
    items.some(({ from, who }) => who.name === "anna" && from === "203.0.113.5"),
    JSON.stringify(items),
  );
});

test("sessions and tokens: everybody sees and ends their own, who manages users those of all", async (t) => {
  const site = await openLoginSite(t);
  await site.setUser("ben", { roles: [{ role: "viewer" }] });
  const [anna, ben] = [await site.byLink("anna"), await site.byLink("ben")];
  const ids = async (tab: Tab, query = "") =>
    ((await site.page(tab, "GET", `/sessions${query}`)).body["items"] as { id: string }[]).map(({ id }) => id).toSorted();
  assert.deepEqual(await ids(ben), [ben.id]);
  assert.deepEqual(await ids(anna, "?user=*"), [anna.id, ben.id].toSorted());
  assert.equal((await site.page(ben, "GET", "/sessions?user=*")).status, 403);
  assert.equal((await site.page(ben, "DELETE", `/sessions/${anna.id}`)).status, 404);
  const made = await site.page(ben, "POST", "/tokens", { ttl: "1h" });
  assert.equal(made.status, 201);
  const bearer = { authorization: `Bearer ${String(made.body["token"])}` };
  assert.equal((await site.ask("GET", "/me", { headers: bearer })).body["name"], "ben");
  assert.equal((await site.page(ben, "POST", "/tokens", { ttl: "1h", user: "anna" })).status, 403);
  assert.equal((await site.page(ben, "POST", "/login-links", { user: "anna" })).status, 403);
  assert.equal((await site.page(ben, "POST", "/login-links", {})).status, 201);
  assert.equal((await site.page(anna, "DELETE", `/tokens/${String(made.body["id"])}`)).status, 200);
  assert.equal((await site.ask("GET", "/me", { headers: bearer })).status, 401);
  assert.equal((await site.page(anna, "DELETE", `/sessions/${ben.id}`)).status, 200);
  assert.equal((await site.page(ben, "GET", "/me")).status, 401);
});

test("the command line logs in without a session: a token is all that is left of a password or a link", async (t) => {
  const site = await openLoginSite(t);
  await site.admin("POST", "/users/anna/password", { password: PASSWORD });
  const { link } = await site.admin("POST", "/login-links", { user: "anna" });
  for (const given of [{ user: "anna", password: PASSWORD }, { link }]) {
    const told = await site.ask("POST", "/login", { body: { ...given, token: { ttl: "1h" } } });
    assert.deepEqual([told.status, told.headers["set-cookie"], told.body["secret"]], [200, undefined, undefined]);
    const bearer = { authorization: `Bearer ${String(told.body["token"])}` };
    assert.equal((await site.ask("GET", "/me", { headers: bearer })).body["via"], "token");
    assert.equal((await site.ask("POST", "/logout", { headers: bearer })).status, 200);
    assert.equal((await site.ask("GET", "/me", { headers: bearer })).status, 401);
  }
  assert.deepEqual((await site.admin("GET", "/sessions?user=*"))["items"], []);
  const wall = await site.admin("POST", "/login-links", { user: "anna", display: { lifetime: "30d" } });
  assert.equal((await site.ask("POST", "/login", { body: { link: wall["link"], token: { ttl: "1h" } } })).status, 401);
  assert.deepEqual((await site.admin("GET", "/sessions?user=*"))["items"], []);
});

const kubectl = await kubectlPath();

test("kubectl works with a personal token, says who that is, and a watch of it ends with the token", {
  skip: kubectl.path === undefined ? kubectl.reason : false,
}, async (t) => {
  const site = await openLoginSite(t);
  await site.setUser("ben", { groups: ["night"], roles: [{ role: "viewer" }] });
  const made = await site.admin("POST", "/tokens", { user: "ben", ttl: "1h" });
  const env = { PATH: process.env["PATH"], HOME: site.api.folder, KUBECONFIG: await site.api.kubeconfig("ben", { token: String(made["token"]) }) };
  const run = async (...args: string[]): Promise<{ code: number; text: string }> => {
    const child = spawn(kubectl.path ?? "", args, { env });
    t.after(() => child.kill("SIGKILL"));
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part: string) => (text += part));
    const [code] = (await once(child, "close")) as [number];
    return { code, text };
  };
  const who = await run("auth", "whoami");
  assert.match(who.text, /Username +ben[\s\S]*Groups +\[night system:authenticated\]/);
  assert.match((await run("auth", "can-i", "delete", "microservices")).text, /^no/);
  assert.match((await run("get", "users")).text, /ben/);
  const watching = run("get", "users", "-w");
  await until(async () => String((await site.api.client("admin").request({ path: "/metrics" })).body).includes("orrery_api_watchers 1"));
  const startMs = performance.now();
  await site.admin("DELETE", `/tokens/${String(made["id"])}`);
  const ended = await watching;
  assert.ok(performance.now() - startMs < 5_000);
  assert.match(ended.text, /the token was revoked|it was revoked/);
});

test("a token is limited to what there is, in words that can be read, or refused; one that was revoked does not lead into the data folder", async (t) => {
  const site = await openLoginSite(t);
  await site.setUser("ben", { roles: [{ role: "viewer" }] });
  const { token } = (await site.admin("POST", "/tokens", { user: "ben", ttl: "1h" })) as { readonly token: string };
  const ben = site.api.client("ben", { token });
  const make = async (scope: object): Promise<string> => {
    try {
      return ((await ben.request({ method: "POST", path: "/tokens", body: { ttl: "10m", scope: [scope] } })).body as { token: string }).token;
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (const where of ["a in (b", "", " ", ",", "a=b,", "a=b,,c", "=", "a==b==c", "(", "中=a", "a=b;c=d"])
    assert.match(await make({ role: "viewer", where }), /scope\[0\]\.where/, where);
  for (const role of ["nosuch", "", "__proto__", "Viewer", "viewer "]) assert.match(await make({ role }), /there is no role/, role);
  for (const scope of [{ role: "viewer" }, { role: "admin", where: "team in (a,b),!old" }]) assert.match(await make(scope), /^orrery_/);
  await ben.request({ method: "POST", path: "/logout", body: {} });
  await assert.rejects(ben.request({ path: "/me" }), (error: Error) => /was revoked/.test(error.message) && !/tokens\//.test(error.message));
});

test("who edits manifests does not say how people log in, nor who decides that manages users by whom they come", async (t) => {
  const site = await openLoginSite(t);
  await site.setUser("ed", { roles: [{ role: "engineer" }] });
  await site.admin("POST", "/apis/orrery.dev/v1/roles", {
    apiVersion: "orrery.dev/v1",
    kind: "Role",
    metadata: { name: "manages" },
    spec: { description: "Manages users.", rules: [{ verbs: ["*"], kinds: ["*"] }], actions: ["manage-users"] },
  });
  await site.setUser("mia", { roles: [{ role: "manages" }] });
  const path = "/apis/orrery.dev/v1/namespaces/default/sites";
  const object = { apiVersion: "orrery.dev/v1", kind: "Site", metadata: { name: "site" } };
  await site.admin("POST", path, { ...object, spec: {} });
  const [ed, mia, anna] = [await site.byLink("ed"), await site.byLink("mia"), await site.byLink("anna")];
  const idle = { login: { idle: "1h" } };
  const provider = { login: { idle: "1h", provider: { name: "x", issuer: "https://evil.example", clientId: "x", secretFile: "/etc/passwd" } } };
  const put = async (tab: Tab, spec: object) => (await site.page(tab, "PUT", `${path}/site`, { ...object, spec })).status;
  assert.deepEqual([await put(ed, { displayName: "here" }), await put(ed, idle), await put(ed, provider)], [200, 403, 403]);
  assert.deepEqual([await put(mia, idle), await put(mia, provider)], [200, 403]);
  assert.equal(await put(anna, provider), 200);
});

test("a display reads and changes nothing, neither objects nor sessions, tokens and passwords of its user", async (t) => {
  const site = await openLoginSite(t);
  const wall = await site.byLink("anna", { display: { label: "wall", lifetime: "30d" } });
  assert.equal((await site.page(wall, "GET", "/me")).status, 200);
  const anna = await site.byLink("anna");
  for (const [method, path, body] of [
    ["POST", "/tokens", { ttl: "1h" }],
    ["DELETE", `/sessions/${anna.id}`, undefined],
    ["POST", "/login-links", {}],
    ["POST", "/users/anna/password", { password: PASSWORD, current: "x" }],
    ["POST", "/apis/orrery.dev/v1/users", { apiVersion: "orrery.dev/v1", kind: "User", metadata: { name: "eve" }, spec: {} }],
  ] as const)
    assert.equal((await site.page(wall, method, path, body)).status, 403, path);
  assert.equal((await site.page(wall, "POST", "/logout")).status, 200);
});

for (const [name, end] of [
  ["the session is ended elsewhere", async ({ site, tab }) => void (await site.admin("DELETE", `/sessions/${tab.id}`))],
  ["the user is disabled while logged in", ({ site }) => site.setUser("anna", { disabled: true, roles: [{ role: "admin" }] })],
  ["the user is removed", ({ site }) => site.removeUser("anna")],
  ["the right is gone", ({ site }) => site.setUser("anna", {})],
] as const satisfies readonly (readonly [string, (at: { site: Awaited<ReturnType<typeof openLoginSite>>; tab: Tab }) => unknown])[])
  test(`what is open ends within 5 s, and says why, when ${name}`, async (t) => {
    const site = await openLoginSite(t);
    const tab = await site.byLink("anna");
    const watch = httpRequest(`${site.plain}/apis/orrery.dev/v1/sites?watch=true`, {
      headers: { cookie: tab.cookie, "orrery-session": tab.secret },
      agent: false,
    });
    watch.end();
    const [response] = (await once(watch, "response")) as [IncomingMessage];
    const socket = new WebSocket(`${site.plain.replace("http", "ws")}/apis/orrery.dev/v1/sites?watch=true`, {
      headers: { cookie: tab.cookie, "orrery-session": tab.secret },
    });
    await once(socket, "open");
    const closed = once(socket, "close");
    const startMs = performance.now();
    await end({ site, tab });
    let text = "";
    for await (const part of response.setEncoding("utf8")) text += String(part);
    const [code, reason] = await closed;
    assert.ok(performance.now() - startMs < 5_000);
    const last = JSON.parse(text.trim().split("\n").at(-1) ?? "") as { type: string; object: { code: number; message: string } };
    const isRight = name === "the right is gone";
    assert.deepEqual([last.type, last.object.code], ["ERROR", isRight ? 403 : 401]);
    assert.match(last.object.message, /ended|disabled|no more|may not (?:watch|get)/);
    // A watch that is shown nothing any more says so as a watch.
    if (isRight) return;
    assert.equal(code, 1008);
    assert.match(String(reason), /^this has ended: /);
  });

test("nothing of a login is on a path of objects, in discovery or in the schemas", async (t) => {
  const site = await openLoginSite(t);
  const client = site.api.client("admin");
  for (const plural of ["credentials", "sessions", "tokens", "loginlinks"])
    await assert.rejects(client.request({ path: `/apis/orrery.dev/v1/${plural}` }), { code: "api/missing" });
  for (const path of ["/apis/orrery.dev/v1", "/openapi/v3/apis/orrery.dev/v1", "/apis"])
    assert.doesNotMatch(JSON.stringify((await client.request({ path })).body), /credentials|loginlinks|LoginLink/);
});

test("no secret stands in what the centre logs", async (t) => {
  const site = await openLoginSite(t);
  await site.admin("POST", "/users/anna/password", { password: PASSWORD });
  const { link } = await site.admin("POST", "/login-links", {});
  await site.ask("POST", "/login", { body: { user: PASSWORD, password: PASSWORD } });
  const tab = tabOf(await site.ask("POST", "/login", { body: { link } }));
  const made = await site.page(tab, "POST", "/tokens", { ttl: "1h" });
  const logged = JSON.stringify(site.api.logged);
  for (const secret of [PASSWORD, String(link), tab.secret, tab.cookie.split("=")[1] ?? "", String(made.body["token"])])
    assert.ok(!logged.includes(secret));
});

test("the language is one's own to choose, without any right for Users; a display, a stranger and the machine's admin choose none", async (t) => {
  const site = await openLoginSite(t);
  await site.setUser("ben", {});
  const tab = await site.byLink("ben");
  assert.equal((await site.page(tab, "GET", "/apis/orrery.dev/v1/users/ben")).status, 403);
  assert.deepEqual((await site.page(tab, "PATCH", "/me", { language: "zh" })).body, { language: "zh" });
  await until(async () => (await site.page(tab, "GET", "/me")).body["language"] === "zh");
  for (const [body, status] of [
    [{ language: "fr" }, 400],
    [{}, 400],
    [{ language: "en", roles: [{ role: "admin" }] }, 400],
  ] as const)
    assert.equal((await site.page(tab, "PATCH", "/me", body)).status, status, JSON.stringify(body));
  assert.deepEqual((await site.page(tab, "PATCH", "/me", { language: "browser" })).body, { language: "browser" });
  const display = await site.byLink("ben", { display: { lifetime: "1h" } });
  assert.equal((await site.page(display, "PATCH", "/me", { language: "zh" })).status, 403);
  assert.equal((await site.page(await site.byLink(), "PATCH", "/me", { language: "zh" })).status, 404);
  assert.equal((await site.ask("PATCH", "/me", { body: { language: "zh" } })).status, 401);
});

test("who manages users is told what another may, and why not; others are told of themselves alone", async (t) => {
  const site = await openLoginSite(t);
  await site.setUser("ben", { roles: [{ role: "operator", where: "team=orbit" }] });
  const [anna, ben] = [await site.byLink("anna"), await site.byLink("ben")];
  const review = (tab: Tab, user: string, verb: string) =>
    site.page(tab, "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      kind: "SubjectAccessReview",
      spec: { user, resourceAttributes: { verb, group: "orrery.dev", resource: "microservices" } },
    });
  const verdict = async (user: string, verb: string) => (await review(anna, user, verb)).body["status"] as { allowed: boolean; reason: string };
  await until(async () => (await verdict("ben", "stop")).allowed);
  const no = await verdict("ben", "delete");
  assert.equal(no.allowed, false);
  assert.match(no.reason, /^user ben .* may not delete .* (?:admin|engineer)/);
  assert.equal((await verdict("anna", "delete")).allowed, true);
  assert.equal((await review(anna, "nobody", "stop")).status, 404);
  assert.equal((await review(ben, "anna", "stop")).status, 403);
  const rules = (await site.page(anna, "GET", "/users/ben/rules")).body["rules"] as { readonly actions: readonly { readonly where?: string }[] };
  assert.ok(rules.actions.length > 0 && rules.actions.every(({ where }) => where === "team=orbit"));
  assert.deepEqual((await site.page(ben, "GET", "/users/ben/rules")).body["rules"], rules);
  assert.equal((await site.page(ben, "GET", "/users/anna/rules")).status, 403);
  assert.equal((await site.page(anna, "GET", "/users/nobody/rules")).status, 404);
  await site.setUser("ben", { roles: [{ role: "operator" }], disabled: true });
  await until(async () => !(await verdict("ben", "stop")).allowed);
});
