import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, test } from "node:test";
import { TokensV1 } from "../sites/ground-station/services/auth-v1/token.ts";
import { TokensV2 } from "../sites/ground-station/services/auth-v2/token.ts";
import { AUTH_ENVIRONMENT, get, post, runProgram, startService, tokenOf } from "./ground-station-services.ts";

const [v1, v2] = await Promise.all([startService("auth-v1", AUTH_ENVIRONMENT), startService("auth-v2", AUTH_ENVIRONMENT)]);
after(() => Promise.all([v1.stop(), v2.stop()]));

for (const [version, service] of [
  ["v1", v1],
  ["v2", v2],
] as const) {
  test(`${version} verifies the tokens that it gives`, async () => {
    const given = await post(`${service.url}/token`, { grant_type: "client_credentials", client_id: "portal", client_secret: "portal-secret" });
    assert.equal(given.status, 200);
    assert.deepEqual([given.body.token_type, given.body.expires_in, given.body.version], ["Bearer", 300, version]);
    const verified = await post(`${service.url}/verify`, { token: given.body.access_token });
    assert.equal(verified.status, 200);
    assert.deepEqual([verified.body.active, verified.body.subject, verified.body.version], [true, "portal", version]);
    assert.ok(Date.parse(String(verified.body.expiresAt)) > Date.now());
  });

  test(`${version} refuses unknown clients, wrong secrets and other grants`, async () => {
    const ask = (body: unknown) => post(`${service.url}/token`, body).then(({ status, body: { title } }) => [status, title]);
    assert.deepEqual(await ask({ client_id: "nobody", client_secret: "portal-secret" }), [401, "unknown-client"]);
    assert.deepEqual(await ask({ client_id: "portal", client_secret: "wrong" }), [401, "unknown-client"]);
    assert.deepEqual(await ask({ client_id: "portal", client_secret: "other-secret" }), [401, "unknown-client"]);
    assert.deepEqual(await ask({ client_id: "portal" }), [400, "bad-request"]);
    assert.deepEqual(await ask({ client_id: "portal", client_secret: "portal-secret", grant_type: "password" }), [400, "unsupported-grant"]);
  });

  test(`${version} refuses damaged tokens and bad bodies, each with its reason`, async () => {
    const token = await tokenOf(service.url);
    const flipped = token.slice(0, -4) + (token.endsWith("AAAA") ? "BBBB" : "AAAA");
    const verify = (body: unknown) => post(`${service.url}/verify`, body).then(({ status, body: { title } }) => [status, title]);
    assert.deepEqual(await verify({ token: flipped }), [401, "token-signature"]);
    assert.deepEqual(await verify({ token: "nonsense" }), [401, "token-malformed"]);
    assert.deepEqual(await verify({ token: "" }), [401, "token-malformed"]);
    assert.deepEqual(await verify({}), [400, "bad-request"]);
    const raw = async (body: string, type: string): Promise<number> =>
      (await fetch(`${service.url}/verify`, { method: "POST", headers: { "content-type": type }, body })).status;
    assert.equal(await raw("{", "application/json"), 400);
    assert.equal(await raw("[]", "application/json"), 400);
    assert.equal(await raw("token", "text/plain"), 415);
    assert.equal(await raw(`{"token":"${"x".repeat(20_000)}"}`, "application/json"), 413);
    const inPieces = async (size: number): Promise<number> =>
      (
        await fetch(`${service.url}/verify`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: new Blob([`{"token":"${"x".repeat(size)}"}`]).stream(),
          duplex: "half",
        } as RequestInit)
      ).status;
    assert.deepEqual([await inPieces(100), await inPieces(20_000)], [401, 413]);
    assert.equal((await get(`${service.url}/verify`)).status, 405);
    assert.equal((await get(`${service.url}/nothing`)).status, 404);
  });
}

test("a token of one version is refused by the other, which names the mismatch", async () => {
  const [token1, token2] = await Promise.all([tokenOf(v1.url), tokenOf(v2.url)]);
  const at2 = await post(`${v2.url}/verify`, { token: token1 });
  assert.deepEqual([at2.status, at2.body.title], [401, "token-version-mismatch"]);
  assert.match(String(at2.body.detail), /of version 1 and this is auth v2/);
  const at1 = await post(`${v1.url}/verify`, { token: token2 });
  assert.deepEqual([at1.status, at1.body.title], [401, "token-version-mismatch"]);
  assert.match(String(at1.body.detail), /of version 2 and this is auth v1/);
});

test("tokens expire, and keys depend on the secret", () => {
  for (const tokens of [new TokensV1("one"), new TokensV2("one")]) {
    const token = tokens.issue("somebody", 60, 1000);
    assert.equal(tokens.verify(token, 1059).isValid, true);
    const late = tokens.verify(token, 1060);
    assert.equal(late.isValid === false && late.code, "token-expired");
  }
  assert.equal(new TokensV1("two").verify(new TokensV1("one").issue("somebody", 60, 0), 1).isValid, false);
  assert.equal(new TokensV2("two").verify(new TokensV2("one").issue("somebody", 60, 0), 1).isValid, false);
});

test("without its secret a service says what is missing and ends with 1", async () => {
  for (const folder of ["auth-v1", "auth-v2"]) {
    const { code, output } = await runProgram(folder, ["server.ts"], { AUTH_CLIENTS: "a:b" });
    assert.equal(code, 1);
    assert.match(output, /AUTH_SECRET must be set/);
  }
});

test("the scripts selftest and key-report work in both versions and show no secret", async () => {
  for (const folder of ["auth-v1", "auth-v2"]) {
    const selftest = await runProgram(folder, ["selftest.ts"], AUTH_ENVIRONMENT);
    assert.equal(selftest.code, 0, selftest.output);
    const report = await runProgram(folder, ["key-report.ts"], AUTH_ENVIRONMENT);
    assert.deepEqual((JSON.parse(report.output) as { clients: string[] }).clients, ["portal", "other"]);
    assert.ok(!report.output.includes("secret"));
  }
});

test("SIGTERM lets a running request finish, then the process ends with 0", async () => {
  const service = await startService("auth-v1", AUTH_ENVIRONMENT);
  const body = JSON.stringify({ client_id: "portal", client_secret: "portal-secret" });
  const running = request(`${service.url}/token`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), expect: "100-continue" },
  });
  running.flushHeaders();
  // The service has the request in hand when it asks for the body.
  await once(running, "continue");
  const stopping = service.stop();
  while (!service.output().includes("SIGTERM")) await once(service.child.stdout as NonNullable<typeof service.child.stdout>, "data");
  await assert.rejects(fetch(`${service.url}/health`));
  running.end(body);
  const [response] = (await once(running, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
  assert.equal(response.statusCode, 200);
  response.resume();
  assert.equal(await stopping, 0);
});
