import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest } from "#/state/client/index.ts";
import type { KeptLogin } from "../platform.ts";
import { run } from "../rig.ts";

const MADE = { token: "orrery_1_2", user: "anna", expires: "2030-01-01T12:00:00Z" };

test("login asks for the password without showing it, keeps the token, and logout gives both back", async () => {
  const logins: KeptLogin[] = [];
  const requests: ClientRequest[] = [];
  const world = { logins, requests, typed: "secret words\r", answers: { "POST /login": MADE, "POST /logout": {} } };
  const told = await run(["login", "anna"], world);
  assert.equal(told.status, 0);
  assert.doesNotMatch(told.out + told.note, /secret words|orrery_1_2/);
  assert.deepEqual(requests[0]?.body, { user: "anna", password: "secret words", token: { ttl: "12h", label: "orrery login" } });
  assert.deepEqual(logins, [MADE]);
  assert.match((await run(["login"], world)).out, /act for user anna, until 2030/);
  assert.match((await run(["logout"], world)).out, /anna is logged out/);
  assert.deepEqual(logins, []);
  assert.match((await run(["logout"], world)).out, /nobody is logged in here/);
  assert.match((await run(["login"], world)).out, /act for the admin of this machine; to log in: orrery login USER/);
});

test("a link logs in by itself, whole or its end alone", async () => {
  for (const link of ["abc.def", "http://127.0.0.1:7480/console/#link=abc.def"]) {
    const requests: ClientRequest[] = [];
    await run(["login", "--link", link], { logins: [], requests, answers: { "POST /login": MADE } });
    assert.deepEqual(requests[0]?.body, { link: "abc.def", token: { ttl: "12h", label: "orrery login" } });
  }
  assert.equal((await run(["login", "anna", "--link", "x"])).status, 2);
});

test("passwd wants the same twice, and of oneself the present one; a pipe gives a line", async () => {
  const answers = { "POST /users/anna/password": {} };
  const requests: ClientRequest[] = [];
  assert.equal((await run(["user", "passwd", "anna"], { answers, requests, typed: "one two three\rone two three\r" })).status, 0);
  assert.deepEqual(requests.pop()?.body, { password: "one two three" });
  const other = await run(["user", "passwd", "anna"], { answers, requests, typed: "one two three\rone two four\r" });
  assert.deepEqual([other.status, requests.length], [2, 0]);
  assert.equal((await run(["user", "passwd", "anna"], { answers, requests, typed: "from a pipe\n" })).status, 0);
  assert.deepEqual(requests.pop()?.body, { password: "from a pipe" });
  await run(["user", "passwd", "anna"], { answers, requests, logins: [MADE], typed: "old\rnew words\rnew words\r" });
  assert.deepEqual(requests.pop()?.body, { password: "new words", current: "old" });
});

test("a token is told once, and what limits it goes along", async () => {
  const requests: ClientRequest[] = [];
  const told = await run(["token", "create", "--user", "anna", "--ttl", "8h", "--scope", "operator@tier=edge", "--scope", "viewer"], {
    requests,
    answers: { "POST /tokens": { id: "1", ...MADE } },
  });
  assert.deepEqual([told.status, told.out], [0, "orrery_1_2\n"]);
  assert.deepEqual(requests[0]?.body, { ttl: "8h", user: "anna", scope: [{ role: "operator", where: "tier=edge" }, { role: "viewer" }] });
  for (const args of [
    ["token", "create"],
    ["token", "revoke"],
    ["token", "burn"],
    ["session", "end"],
  ])
    assert.equal((await run(args)).status, 2, args.join(" "));
});

test("a one-time link is the whole output: it can be piped, and who it is for stands beside it", async () => {
  const world = {
    console: "http://127.0.0.1:7480/console/",
    answers: { "POST /login-links": { link: "a.b", user: "admin", expires: MADE.expires } },
  };
  const told = await run(["login-link"], world);
  assert.deepEqual([told.out, told.status], ["http://127.0.0.1:7480/console/#link=a.b\n", 0]);
  assert.match(told.note, /user admin, once, until 2030/);
  assert.equal((await run(["login-link", "--ttl", "1h"], world)).status, 2);
});
