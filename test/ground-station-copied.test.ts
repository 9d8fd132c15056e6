import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { AUTH_ENVIRONMENT, get, type Service, startService } from "./ground-station-services.ts";

const ROOT = path.join(import.meta.dirname, "..");

test("what docs/services.md quotes of the sample services stands there word for word", () => {
  const text = readFileSync(path.join(ROOT, "docs/services.md"), "utf8");
  const quotes = [...text.matchAll(/rom `(sites\/[^`]+)`:\n```ts\n([\s\S]*?)```/g)];
  assert.ok(quotes.length >= 3, `${quotes.length} quotes`);
  for (const [, file = "", quoted = ""] of quotes)
    assert.ok(readFileSync(path.join(ROOT, file), "utf8").includes(quoted), `${file} has changed: quote it anew in docs/services.md`);
});

test("copied elsewhere, with what the set-up has put there, each service starts, and a request goes through all of them", async (context) => {
  const copy = mkdtempSync(path.join(tmpdir(), "my station 地面站-"));
  context.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(path.join(ROOT, "sites/ground-station"), copy, { recursive: true });
  const start = async (name: string, environment: Readonly<Record<string, string>> = {}): Promise<Service> => {
    const service = await startService(path.join(copy, "services", name), environment);
    context.after(() => service.stop());
    return service;
  };
  const auth = await start("auth-v2", AUTH_ENVIRONMENT);
  const predictor = await start("predictor", { SERVICE_AUTH_URL: auth.url });
  const portal = await start("portal", {
    SERVICE_AUTH_URL: auth.url,
    SERVICE_PREDICTOR_URL: predictor.url,
    PORTAL_CLIENT_SECRET: "portal-secret",
  });
  const { status, body } = await get(`${portal.url}/api/passes?satellite=ISS&hours=1`);
  assert.equal(status, 200);
  assert.deepEqual(body.servedBy, { portal: "v1", authIssued: "v2", predictor: "v1", authVerified: "v2" });
  await start("auth-v1", AUTH_ENVIRONMENT);
  await start("antenna");
});

const SERVICES = path.join(ROOT, "sites/ground-station/services");

test("each service is one folder: copied alone, without the site around it, it starts and ends well", async (context) => {
  const elsewhere = mkdtempSync(path.join(tmpdir(), "one service 服务-"));
  context.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  const environment = {
    ...AUTH_ENVIRONMENT,
    SERVICE_AUTH_URL: "http://127.0.0.1:1",
    SERVICE_PREDICTOR_URL: "http://127.0.0.1:1",
    PORTAL_CLIENT_SECRET: "s",
  };
  const names = readdirSync(SERVICES);
  assert.ok(names.length >= 5, names.join());
  for (const name of names) {
    cpSync(path.join(SERVICES, name), path.join(elsewhere, name), { recursive: true });
    const service = await startService(path.join(elsewhere, name), environment);
    assert.equal(await service.stop(), 0, `${name}: ${service.output()}`);
    // The next one must not find it beside it.
    rmSync(path.join(elsewhere, name), { recursive: true });
  }
});

test("what services have alike is the same to the letter", () => {
  for (const [file, ...services] of [
    ["app.ts", "auth-v1", "auth-v2", "predictor"],
    ["fields.ts", "auth-v1", "auth-v2"],
    ["settings.ts", "auth-v1", "auth-v2"],
    ["query.ts", "portal", "predictor"],
  ] as const) {
    const [first, ...others] = services.map((service) => readFileSync(path.join(SERVICES, service, file), "utf8"));
    for (const [index, text] of others.entries())
      assert.equal(text, first, `${file} of ${services[index + 1]} is another one than that of ${services[0]}`);
  }
});
