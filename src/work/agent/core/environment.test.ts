import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instance } from "#/model/index.ts";
import { buildEnvironment, type EnvironmentInput, inheritedEnvironment } from "./environment.ts";

const input = (spec: object = {}, more: Partial<EnvironmentInput> = {}): EnvironmentInput => ({
  uid: "u-1",
  name: "auth-v1-abc-0",
  spec: instance.spec.parse({
    host: "h",
    slot: 0,
    service: "auth",
    version: "v1",
    run: { command: ["x"] },
    ports: [{ name: "http" }, { name: "grpc-web", protocol: "tcp" }],
    ...spec,
  }) as EnvironmentInput["spec"],
  ports: { http: 20001, "grpc-web": 20002 },
  callerAddress: "127.20.1.2",
  services: [
    { name: "fine-auth", port: 9001, protocol: "http" },
    { name: "clock", port: 9002, protocol: "tcp" },
  ],
  proxyPort: 3128,
  stateFile: "/d/state",
  folder: "/d/work",
  site: "s-1",
  dataFolder: "/d",
  inherited: { PATH: "/node:/bin", HOME: "/home/x" },
  ...more,
});

describe("the environment of an instance", () => {
  it("says who it is, where it listens, and how it reaches services", () => {
    assert.deepEqual(buildEnvironment(input()), {
      PATH: "/node:/bin",
      HOME: "/home/x",
      HTTP_PROXY: "http://127.20.1.2:3128",
      http_proxy: "http://127.20.1.2:3128",
      NODE_USE_ENV_PROXY: "1",
      JAVA_TOOL_OPTIONS: "-Dhttp.proxyHost=127.20.1.2 -Dhttp.proxyPort=3128 -Dhttp.nonProxyHosts=",
      SERVICE_FINE_AUTH_URL: "http://127.20.1.2:9001",
      SERVICE_FINE_AUTH_HOST: "127.20.1.2",
      SERVICE_FINE_AUTH_PORT: "9001",
      SERVICE_CLOCK_URL: "tcp://127.20.1.2:9002",
      SERVICE_CLOCK_HOST: "127.20.1.2",
      SERVICE_CLOCK_PORT: "9002",
      HOST: "127.0.0.1",
      PORT: "20001",
      PORT_HTTP: "20001",
      PORT_GRPC_WEB: "20002",
      ORRERY_INSTANCE: "u-1",
      ORRERY_INSTANCE_NAME: "auth-v1-abc-0",
      ORRERY_SERVICE: "auth",
      ORRERY_VERSION: "v1",
      ORRERY_STATE: "/d/state",
      ORRERY_FOLDER: "/d/work",
      ORRERY_SITE: "s-1",
      ORRERY_DATA: "/d",
    });
  });

  it("follows the manifest, but not in who and where the instance is", () => {
    const built = buildEnvironment(
      input({
        env: [
          { name: "PORT", value: "80" },
          { name: "HOME", value: "/srv" },
          { name: "ORRERY_INSTANCE", value: "me" },
          { name: "JAVA_TOOL_OPTIONS", value: "-Xmx1g" },
        ],
      }),
    );
    assert.equal(built["PORT"], "20001");
    assert.equal(built["ORRERY_INSTANCE"], "u-1");
    assert.equal(built["HOME"], "/srv");
    assert.match(built["JAVA_TOOL_OPTIONS"] ?? "", /nonProxyHosts= -Xmx1g$/);
  });

  it("offers only services that it may call", () => {
    assert.deepEqual(
      Object.keys(buildEnvironment(input({ calls: ["clock"] }))).filter((name) => name.startsWith("SERVICE_")),
      ["SERVICE_CLOCK_URL", "SERVICE_CLOCK_HOST", "SERVICE_CLOCK_PORT"],
    );
  });

  it("has no proxy where there is no address of its own", () => {
    const built = buildEnvironment(input({}, { callerAddress: undefined, probeIntervalMs: 5000 }));
    assert.equal("HTTP_PROXY" in built || "NODE_USE_ENV_PROXY" in built || "JAVA_TOOL_OPTIONS" in built, false);
    assert.equal(built["ORRERY_PROBE_INTERVAL_MS"], "5000");
  });

  it("inherits no secrets of the agent and has our Node first on its PATH", () => {
    assert.deepEqual(inheritedEnvironment({ PATH: "/bin", LANG: "C.UTF-8", ORRERY_TOKEN: "t", NODE_OPTIONS: "--x", HTTP_PROXY: "p" }, "/n"), {
      PATH: "/n:/bin",
      LANG: "C.UTF-8",
    });
  });
});
