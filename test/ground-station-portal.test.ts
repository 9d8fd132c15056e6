import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { AUTH_ENVIRONMENT, get, post, runProgram, type Service, startService, tokenOf } from "./ground-station-services.ts";

interface Pass {
  readonly rise: { readonly time: string; readonly elevation: number };
  readonly peak: { readonly time: string };
  readonly set: { readonly time: string; readonly elevation: number };
  readonly maxElevation: number;
  readonly track?: readonly number[][];
}

const [auth1, auth2] = await Promise.all([startService("auth-v1", AUTH_ENVIRONMENT), startService("auth-v2", AUTH_ENVIRONMENT)]);
const predictor = await startService("predictor", { SERVICE_AUTH_URL: auth1.url });
const portal = await startPortal(auth1, predictor);
after(() => Promise.all([portal, predictor, auth1, auth2].map((service) => service.stop())));

function startPortal(auth: { url: string }, behind: { url: string }): Promise<Service> {
  return startService("portal", {
    SERVICE_AUTH_URL: auth.url,
    SERVICE_PREDICTOR_URL: behind.url,
    PORTAL_CLIENT_SECRET: "portal-secret",
    PORTAL_TIMEOUT_MS: "5000",
  });
}

test("portal answers with the passes of the ISS and says which versions took part", async () => {
  const { status, body } = await get(`${portal.url}/api/passes?satellite=ISS&hours=24&from=2026-10-10T00:00:00Z&track=1`);
  assert.equal(status, 200);
  assert.deepEqual(body.servedBy, { portal: "v1", authIssued: "v1", predictor: "v1", authVerified: "v1" });
  const passes = body.passes as Pass[];
  assert.ok(passes.length >= 4 && passes.length <= 8);
  for (const pass of passes) {
    assert.ok(pass.rise.time < pass.peak.time && pass.peak.time < pass.set.time);
    assert.ok(Math.abs(pass.rise.elevation - 5) < 0.01 && Math.abs(pass.set.elevation - 5) < 0.01 && pass.maxElevation > 5);
    assert.equal(pass.track?.length, 25);
  }
});

test("elements are stale more than 14 days from the time asked for, with the reason, and fresh before", async () => {
  const at = async (from: string) =>
    (await get(`${portal.url}/api/passes?satellite=25544&from=${from}`)).body as { stale: boolean; reason?: string; elements: { ageDays: number } };
  const fresh = await at("2026-10-23T19:00:00Z");
  assert.equal(fresh.stale, false);
  assert.equal(fresh.elements.ageDays, 13.97);
  const stale = await at("2026-10-23T20:00:00Z");
  assert.equal(stale.stale, true);
  assert.match(stale.reason ?? "", /14\.01 days away .* more than the 14 days/);
});

test("without hours a day is searched from now on", async () => {
  const { body } = await get(`${portal.url}/api/passes?satellite=NOAA%2019`);
  assert.equal(body.hours, 24);
  assert.ok(Math.abs(Date.parse(String(body.from)) - Date.now()) < 60_000);
});

test("bad parameters are 400 with the parameter and what is allowed; an unknown satellite is 404 with those known", async () => {
  const bad = async (query: string, parameter: string, detail: RegExp): Promise<void> => {
    const { status, type, body } = await get(`${portal.url}/api/passes?${query}`);
    assert.deepEqual([status, type, body.title, body.parameter], [400, "application/problem+json", "bad-parameter", parameter], query);
    assert.match(String(body.detail), detail);
  };
  await bad("satellite=ISS&hours=0", "hours", /from 1 to 240; found "0"/);
  await bad("satellite=ISS&hours=241", "hours", /from 1 to 240; found "241"/);
  await bad("satellite=ISS&hours=ten", "hours", /found "ten"/);
  await bad("satellite=ISS&hours=", "hours", /found ""/);
  await bad("hours=24", "satellite", /missing/);
  await bad("satellite=ISS&hour=24", "hour", /no parameter "hour"; allowed: satellite, hours/);
  await bad("satellite=ISS&satellite=CSS", "satellite", /more than once/);
  await bad("satellite=ISS&from=yesterday", "from", /a time in UTC such as/);
  const unknown = await get(`${portal.url}/api/passes?satellite=SPUTNIK`);
  assert.deepEqual([unknown.status, unknown.body.title], [404, "unknown-satellite"]);
  assert.ok((unknown.body.known as string[]).includes("ISS (ZARYA)"));
  assert.equal((await get(`${portal.url}/api/nothing`)).status, 404);
  assert.match(portal.output(), /"path":"\/api\/nothing","status":404/);
  const wrongMethod = await post(`${portal.url}/api/passes`, {});
  assert.deepEqual([wrongMethod.status, wrongMethod.body.title], [405, "method-not-allowed"]);
});

test("elements that cannot be followed to a far time are 422, not a failure", async () => {
  const { status, body } = await get(`${portal.url}/api/passes?satellite=CSS&from=2040-01-01T00:00:00Z`);
  assert.deepEqual([status, body.title], [422, "elements-unusable"]);
  assert.match(String(body.detail), /CSS \(TIANHE\).*cannot be followed/);
});

test("predictor refuses a missing, a damaged and another version's token", async () => {
  const ask = (headers: Record<string, string>) =>
    get(`${predictor.url}/passes?satellite=ISS`, headers).then(({ status, body }) => [status, body.title]);
  assert.deepEqual(await ask({}), [401, "token-missing"]);
  assert.deepEqual(await ask({ authorization: "Bearer nonsense" }), [401, "token-malformed"]);
  assert.deepEqual(await ask({ authorization: `Bearer ${await tokenOf(auth2.url)}` }), [401, "token-version-mismatch"]);
  assert.deepEqual(await ask({ authorization: `Bearer ${await tokenOf(auth1.url)}` }), [200, undefined]);
});

test("a request that meets two versions of auth fails with 502 and says why: the example that consistent updates are for", async () => {
  const mixed = await startPortal(auth2, predictor);
  try {
    const { status, body } = await get(`${mixed.url}/api/passes?satellite=ISS`);
    assert.deepEqual([status, body.title, body.from], [502, "token-version-mismatch", "predictor"]);
    assert.match(String(body.detail), /of version 2 and this is auth v1/);
  } finally {
    await mixed.stop();
  }
});

test("the second version of predictor adds sunlight, and is otherwise the same", async () => {
  const second = await startService("predictor", {
    SERVICE_AUTH_URL: auth1.url,
    PREDICTOR_VERSION: "v2",
    PREDICTOR_LIGHT: "1",
    PREDICTOR_STEP_S: "10",
  });
  try {
    const headers = { authorization: `Bearer ${await tokenOf(auth1.url)}` };
    const [one, two] = await Promise.all(
      [predictor, second].map((service) => get(`${service.url}/passes?satellite=ISS&from=2026-10-10T00:00:00Z`, headers)),
    );
    const [before, now] = [one?.body.passes as Pass[], two?.body.passes as (Pass & { sunlit: boolean; visible: boolean })[]];
    assert.deepEqual([one?.body.version, two?.body.version], ["v1", "v2"]);
    assert.equal(before.length, now.length);
    assert.ok(
      now.every((pass) => typeof pass.sunlit === "boolean" && typeof pass.visible === "boolean") && before.every((pass) => !("sunlit" in pass)),
    );
    for (const [index, pass] of now.entries()) assert.ok(Math.abs(Date.parse(pass.rise.time) - Date.parse(before[index]?.rise.time ?? "")) < 1000);
  } finally {
    await second.stop();
  }
});

test("each call carries on the trace: predictor sends the trace headers as they came, portal begins a span of the W3C trace, and neither sends other headers", async () => {
  const seen: Record<string, unknown>[] = [];
  const recorder = createServer((request, response) => {
    seen.push({ path: request.url, ...request.headers });
    const body = request.url === "/token" ? { access_token: "t", expires_in: 300, version: "v1" } : { version: "v1", verifiedBy: "v1", passes: [] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(recorder, "listening");
  const url = `http://127.0.0.1:${(recorder.address() as AddressInfo).port}`;
  const [other, second] = await Promise.all([startPortal({ url }, { url }), startService("predictor", { SERVICE_AUTH_URL: url })]);
  const trace = {
    traceparent: "00-6f720000000100010a00000000000001-00f067aa0ba902b7-01",
    tracestate: "a=b",
    b3: "6f720000000100010a00000000000001-00f067aa0ba902b7-1",
    "x-b3-traceid": "6f720000000100010a00000000000001",
    "x-b3-spanid": "00f067aa0ba902b7",
    "x-b3-sampled": "1",
  };
  try {
    await get(`${other.url}/api/passes?satellite=ISS`, { ...trace, "x-other": "kept to itself", authorization: "Bearer t" });
    await get(`${second.url}/passes?satellite=ISS`, { ...trace, "x-other": "kept to itself", authorization: "Bearer t" });
    assert.deepEqual(
      seen.map((call) => call.path),
      ["/token", "/passes?satellite=ISS", "/verify"],
    );
    const [token, passes, verify] = seen;
    for (const [name, value] of Object.entries(trace)) assert.equal(verify?.[name], value, name);
    for (const call of [token, passes]) {
      const [, traceId, spanId] = String(call?.["traceparent"]).split("-");
      assert.equal(traceId, "6f720000000100010a00000000000001");
      assert.notEqual(spanId, "00f067aa0ba902b7");
      assert.equal(call?.["tracestate"], "a=b");
    }
    for (const call of seen) assert.ok(!("x-other" in call));
  } finally {
    await Promise.all([other.stop(), second.stop()]);
    recorder.closeAllConnections();
    recorder.close();
  }
});

test("a service behind that does not answer is 502 with its name, and the page still works", async () => {
  const lonely = await startPortal({ url: "http://127.0.0.1:9" }, predictor);
  try {
    const { status, body } = await get(`${lonely.url}/api/passes?satellite=ISS`);
    assert.deepEqual([status, body.title, body.from], [502, "call-failed", "auth"]);
    assert.match(String(body.detail), /auth did not answer/);
    assert.equal((await fetch(lonely.url)).status, 200);
    const info = await get(`${lonely.url}/api/info`);
    assert.deepEqual(
      (info.body.services as { name: string; ok: boolean }[]).map(({ name, ok }) => [name, ok]),
      [
        ["auth", false],
        ["predictor", true],
      ],
    );
  } finally {
    await lonely.stop();
  }
});

test("the track is a stream of positions that ends with a word when the service stops", async () => {
  const own = await startPortal(auth1, predictor);
  const response = await fetch(`${own.url}/api/track?satellite=ISS&intervalMs=100`);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events: { event: string; data: Record<string, unknown> }[] = [];
  let rest = "";
  let stopping: Promise<number | null> | undefined;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    const blocks = (rest + Buffer.from(chunk).toString("utf8")).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [event, data] = [/^event: (.*)$/m.exec(block)?.[1], /^data: (.*)$/m.exec(block)?.[1]];
      if (event !== undefined && data !== undefined) events.push({ event, data: JSON.parse(data) as Record<string, unknown> });
    }
    if (events.length >= 3) stopping ??= own.stop();
  }
  assert.equal(await stopping, 0);
  assert.deepEqual(
    events.slice(0, 3).map(({ event }) => event),
    ["position", "position", "position"],
  );
  assert.equal(events.at(-1)?.event, "end");
  const [first, second] = events.map(({ data }) => data);
  assert.ok(String(first?.at) < String(second?.at));
  assert.deepEqual(first?.servedBy, { portal: "v1", authIssued: "v1", predictor: "v1", authVerified: "v1" });
  assert.ok(Number(first?.altitudeKm) > 350 && Number(first?.altitudeKm) < 500);
  const unknown = await get(`${portal.url}/api/track?satellite=SPUTNIK`);
  assert.equal(unknown.status, 404);
});

test("the page is whole in one answer, in both languages, and its policy allows just its own script and style", async () => {
  const response = await fetch(portal.url);
  const html = await response.text();
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(html, /卫星地面站/);
  assert.match(html, /Ground station/);
  assert.doesNotMatch(html, /(?:src|href)="(?!data:)/);
  const policy = response.headers.get("content-security-policy") ?? "";
  const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? "";
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(script))).toString("base64");
  assert.ok(policy.includes(`script-src 'sha256-${hash}'`) && !policy.includes("unsafe"));
});

test("the scripts report what they are for", async () => {
  const report = await runProgram("predictor", ["elements-report.ts"], { ELEMENTS_MAX_AGE_DAYS: "36500" });
  assert.equal(report.code, 0);
  assert.match(report.output, /ISS \(ZARYA\)\s+25544 {2}epoch 2026-10-09T19:42:49\.140Z/);
  const stale = await runProgram("predictor", ["elements-report.ts"], { ELEMENTS_MAX_AGE_DAYS: "0" });
  assert.equal(stale.code, 1);
  assert.match(stale.output, /STALE/);
  const check = await runProgram("portal", ["check-calls.ts"], {
    SERVICE_AUTH_URL: auth1.url,
    SERVICE_PREDICTOR_URL: predictor.url,
    PORTAL_CLIENT_SECRET: "portal-secret",
  });
  assert.equal(check.code, 0, check.output);
  assert.match(check.output, /token verified by auth v1/);
});

test("bad settings end a service with 1 and say which", async () => {
  assert.match((await runProgram("portal", ["server.ts"])).output, /SERVICE_AUTH_URL must be set/);
  assert.match((await runProgram("predictor", ["server.ts"])).output, /SERVICE_AUTH_URL must be set/);
  const badStation = await runProgram("predictor", ["server.ts"], { SERVICE_AUTH_URL: "http://127.0.0.1:9", STATION_LATITUDE: "140" });
  assert.equal(badStation.code, 1);
  assert.match(badStation.output, /STATION_LATITUDE is "140": expected a number from -90 to 90/);
  const noElements = await runProgram("predictor", ["server.ts"], { SERVICE_AUTH_URL: "http://127.0.0.1:9", ELEMENTS_FILE: "/nowhere.tle" });
  assert.equal(noElements.code, 1);
  assert.match(noElements.output, /nowhere\.tle/);
});

test("portal and predictor finish a request that waits for another service after SIGTERM, then end with 0", async () => {
  const waiting: (() => void)[] = [];
  const slow = createServer((request, response) => {
    const body =
      request.url === "/token"
        ? { access_token: "t", expires_in: 300, version: "v1" }
        : { version: "v1", verifiedBy: "v1", subject: "portal", passes: [] };
    const answer = (): void => void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url === "/token") return answer();
    waiting.push(answer);
    slow.emit("waiting");
  }).listen(0, "127.0.0.1");
  await once(slow, "listening");
  const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
  const services = await Promise.all([startPortal({ url }, { url }), startService("predictor", { SERVICE_AUTH_URL: url })]);
  const paths = ["/api/passes?satellite=ISS", "/passes?satellite=ISS"];
  for (const [index, service] of services.entries()) {
    const isWaiting = once(slow, "waiting");
    const running = get(`${service.url}${paths[index]}`, { authorization: "Bearer t" });
    await isWaiting;
    const stopping = service.stop();
    while (!service.output().includes("SIGTERM")) await once(service.child.stdout as NonNullable<typeof service.child.stdout>, "data");
    await assert.rejects(fetch(`${service.url}/health`));
    waiting.pop()?.();
    assert.equal((await running).status, 200);
    assert.equal(await stopping, 0);
  }
  slow.closeAllConnections();
  slow.close();
});
