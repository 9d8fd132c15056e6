import type { Instance } from "#/model/index.ts";

/** A service as a caller sees it. */
export interface ServiceAddress {
  readonly name: string;
  /** Loopback port of the service, the same on every host. */
  readonly port: number;
  /** Of its first port. */
  readonly protocol: "http" | "tcp";
}

export interface EnvironmentInput {
  readonly uid: string;
  readonly name: string;
  readonly spec: Instance["spec"];
  /** Assigned ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  /** Absent for what calls no services. */
  readonly callerAddress?: string | undefined;
  readonly services: readonly ServiceAddress[];
  readonly proxyPort: number;
  /** Path of the file that holds the duty. */
  readonly stateFile: string;
  /** Folder in which its files are. */
  readonly folder: string;
  /** Identity of the site. */
  readonly site: string;
  readonly dataFolder: string;
  /** What of the agent's own environment is passed on (`inheritedEnvironment`). */
  readonly inherited: Readonly<Record<string, string>>;
  readonly probeIntervalMs?: number | undefined;
  /** Folders of its volumes by name. */
  readonly volumes?: Readonly<Record<string, string>>;
}

/** Variables of the agent that an instance may see: where things are and how texts are written; nothing else, as tokens may be among them. */
const INHERITED: readonly string[] = [
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
  "JAVA_HOME",
  "LD_LIBRARY_PATH",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
];

/** The part of `environment` that instances inherit, with `programFolder` first on the PATH. */
export function inheritedEnvironment(environment: Readonly<Record<string, string | undefined>>, programFolder: string): Record<string, string> {
  const inherited: Record<string, string> = { PATH: `${programFolder}:${environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"}` };
  for (const name of INHERITED) {
    const value = environment[name];
    if (value !== undefined) inherited[name] = value;
  }
  return inherited;
}

/** The whole environment of an instance. What the manifest gives wins over what is inherited or offered, not over what says who and where the instance is. */
export function buildEnvironment(input: EnvironmentInput): Record<string, string> {
  const { spec, ports } = input;
  const given = Object.fromEntries(spec.env.map(({ name, value }) => [name, value]));
  const offered = input.callerAddress === undefined ? {} : offerServices(input, input.callerAddress);
  // A service that brings options of its own for Java keeps them, and the proxy's beside them.
  const java = [offered["JAVA_TOOL_OPTIONS"], given["JAVA_TOOL_OPTIONS"]].filter((one) => one !== undefined).join(" ");
  const identity: Record<string, string> = {
    HOST: "127.0.0.1",
    ORRERY_INSTANCE: input.uid,
    ORRERY_INSTANCE_NAME: input.name,
    ORRERY_STATE: input.stateFile,
    ORRERY_FOLDER: input.folder,
    ORRERY_SITE: input.site,
    ORRERY_DATA: input.dataFolder,
  };
  if (spec.service !== undefined) identity["ORRERY_SERVICE"] = spec.service;
  if (spec.version !== undefined) identity["ORRERY_VERSION"] = spec.version;
  if (spec.job !== undefined) identity["ORRERY_JOB"] = spec.job;
  if (spec.jobRun !== undefined) identity["ORRERY_RUN"] = spec.jobRun;
  if (spec.once !== undefined) identity["ORRERY_TRY"] = String(spec.slot + 1);
  if (spec.once?.scheduledAt !== undefined) identity["ORRERY_SCHEDULED_AT"] = spec.once.scheduledAt;
  for (const [name, folder] of Object.entries(input.volumes ?? {})) identity[`VOLUME_${variable(name)}`] = folder;
  if (input.probeIntervalMs !== undefined) identity["ORRERY_PROBE_INTERVAL_MS"] = String(input.probeIntervalMs);
  for (const [index, { name }] of spec.ports.entries()) {
    const port = ports[name];
    if (port === undefined) continue;
    if (index === 0) identity["PORT"] = String(port);
    identity[`PORT_${variable(name)}`] = String(port);
  }
  return { ...input.inherited, ...offered, ...given, ...(java === "" ? {} : { JAVA_TOOL_OPTIONS: java }), ...identity };
}

/** Where services are: by the proxy of the instance's own address, and by a URL, and host and port, for each (for programs that know no proxy). NO_PROXY is never set: everything goes through the gateway. */
function offerServices({ services, spec, proxyPort }: EnvironmentInput, callerAddress: string): Record<string, string> {
  const proxy = `http://${callerAddress}:${proxyPort}`;
  const offered: Record<string, string> = {
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NODE_USE_ENV_PROXY: "1",
    JAVA_TOOL_OPTIONS: `-Dhttp.proxyHost=${callerAddress} -Dhttp.proxyPort=${proxyPort} -Dhttp.nonProxyHosts=`,
  };
  for (const { name, port, protocol } of services) {
    if (spec.calls !== undefined && !spec.calls.includes(name)) continue;
    offered[`SERVICE_${variable(name)}_URL`] = `${protocol}://${callerAddress}:${port}`;
    offered[`SERVICE_${variable(name)}_HOST`] = callerAddress;
    offered[`SERVICE_${variable(name)}_PORT`] = String(port);
  }
  return offered;
}

function variable(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
