import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
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
