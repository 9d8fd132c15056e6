import { z } from "zod";
import { duration, minReady, someDuration } from "./duration.ts";
import { health } from "./health.ts";
import { sentPath } from "./http-text.ts";
import { logLevelHook } from "./log-level.ts";
import { label, variableName, version } from "./names.ts";
import { argument, command, innerPath, tooLongToStart } from "./program.ts";

/** An environment variable. The value of a `secret` one is shown as `REDACTED` to every reader but agents; writing `REDACTED` back keeps the value. */
export const environmentVariable = z.strictObject({
  name: variableName,
  value: z
    .string()
    .max(32_768)
    .regex(/^[^\0]*$/, "text without NUL characters")
    .default("")
    .describe("At most 32,768 characters."),
  secret: z
    .boolean()
    .optional()
    .describe("True: shown as (secret) to all but agents; writing (secret) back keeps the value. Who has the action see-secrets may ask for it."),
});
export const REDACTED = "(secret)";

export const environment = z.array(environmentVariable).max(500).meta({ listKey: "name" });

/** A port that a service listens on. The agent assigns the number and tells it by `PORT` (first port) and `PORT_<NAME>`. */
export const servicePort = z.strictObject({
  name: label.max(15),
  protocol: z.enum(["http", "tcp"]).default("http").describe("tcp: bytes are passed on as they are."),
});
export type ServicePort = z.infer<typeof servicePort>;

/** A named script of a service: `start` runs before the process, `stop` instead of SIGTERM, any other on demand. It runs with the instance's environment and folder. */
export const script = z.strictObject({
  name: label,
  command,
  timeout: someDuration.default("30s"),
  description: z.string().max(500).optional(),
});
export type Script = z.infer<typeof script>;

/** A file or folder that belongs to a revision: copied once, by content, when the revision is made. `from` is relative to the site's folder (or absolute); `to` is relative to the instance's folder. */
export const fileMapping = z.strictObject({
  from: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^[^\0]*$/, "text without NUL characters")
    .describe("File or folder, relative to the site's folder, or absolute. Copied once, by content, when the revision is made."),
  to: innerPath.default(".").describe("Where it goes, relative to the instance's folder."),
  render: z
    .boolean()
    .optional()
    .describe(
      "Of a single text file: at each start ${PORT}, ${HOST}, ${SERVICE_X_URL} and all other variables of the instance's environment are put into its copy (mode 0600). ${X:-default} where X may be missing; $${ is a literal ${.",
    ),
});
export type FileMapping = z.infer<typeof fileMapping>;

/** Where the files with `render: true` are in the instance's folder. */
export function renderedPaths(files: readonly FileMapping[]): readonly string[] {
  return files.flatMap(({ from, to, render }) => {
    if (render !== true) return [];
    const target: string[] = [];
    for (const part of to.split("/")) {
      if (part === "..") target.pop();
      else if (part !== "" && part !== ".") target.push(part);
    }
    // A file goes to `to`, or into it; folders are not rendered.
    if (target.length === 0 || to.endsWith("/")) target.push(from.split("/").findLast((part) => part !== "") ?? from);
    return [target.join("/")];
  });
}

/** What is run: a program without a shell. `${PORT}`-like words are not expanded; programs read their environment. */
export const runSpec = z.strictObject({
  command,
  args: z.array(argument).max(500).default([]),
  workingDir: innerPath.default(".").describe("Relative to the instance's folder of files."),
});

/** Room on the host's disk that outlives instances and revisions. */
export const volumeMount = z.strictObject({
  name: label.max(40).describe("Told by VOLUME_<NAME> (upper case, `-` as `_`)."),
  path: innerPath
    .refine((text) => !/^\.?\/*$/.test(text), "a path below the instance's folder, not the folder itself")
    .optional()
    .describe("Where it stands in the instance's folder; default its name."),
  backup: z.boolean().default(true).describe("False: orrery backup leaves it out."),
});
export type VolumeMount = z.infer<typeof volumeMount>;

/** Each slot of a service has its own. */
export const volumeMounts = z
  .array(volumeMount)
  .max(20)
  .meta({ listKey: "name" })
  .superRefine((mounts, context) => {
    const places = mounts.map(mountPath);
    for (const [index, place] of places.entries())
      if (places.some((other, at) => at !== index && (other === place ? at < index : place.startsWith(`${other}/`))))
        context.addIssue({ code: "custom", path: [index, "path"], message: "another volume stands there, or around it" });
  });

/** Where a volume stands in the instance's folder. */
export function mountPath({ name, path = name }: Pick<VolumeMount, "name"> & { readonly path?: string | undefined }): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

/** Work that no call shows, as a job in the background. Asked of each instance before a generation that it may work for is closed. */
export const busyCheck = z
  .strictObject({
    http: z
      .strictObject({ path: sentPath, port: label.optional().describe("Name of a port; default the first.") })
      .optional()
      .describe("GET; 200: busy, 204: idle, anything else: not known."),
    exec: z.strictObject({ command }).optional().describe("Exit status 0: busy, 1: idle, anything else: not known."),
    timeout: someDuration.default("2s"),
  })
  .refine((one) => (one.http === undefined) !== (one.exec === undefined), "give exactly one of http, exec")
  .describe("Work that no call shows: while an instance says that it is busy, generations that it may work for stay open.");
export type BusyCheck = z.infer<typeof busyCheck>;

/** How streams (WebSocket, Server-Sent Events, TCP) of a generation that is no longer stamped are ended. */
export const streamEnding = z.enum(["terminateAfter", "wait"]);
/** Under `terminateAfter`, where nothing else is said. */
export const STREAMS_END_AFTER = "1h";

/** Everything that makes one version of a service. A change of anything here makes a new Revision. */
export const template = z
  .strictObject({
    version,
    files: z
      .array(fileMapping)
      .max(100)
      .default([])
      .describe(
        "Files that belong to this version. A change of their content alone makes no new revision: apply the manifest after changing `version`.",
      ),
    run: runSpec.describe("The program, started without a shell."),
    env: environment.default([]).describe("Environment, beside what Orrery sets (PORT, HTTP_PROXY, SERVICE_<NAME>_URL, …_HOST, …_PORT, ORRERY_…)."),
    ports: z
      .array(servicePort)
      .max(20)
      .meta({ listKey: "name" })
      .default([{ name: "http", protocol: "http" }]),
    health: health
      .default({})
      .describe("Without readiness a TCP connect to the first port is asked for; without ports the running process is ready."),
    minReady: minReady
      .optional()
      .describe(
        "A new instance has to be ready so long, without a break and without a restart, before an update counts on it; twice as long for each time that it has ended before. 0s: at once. Absent: minReady of the Site.",
      ),
    scripts: z
      .array(script)
      .max(100)
      .meta({ listKey: "name" })
      .default([])
      .describe("`start` runs before the program, `stop` instead of SIGTERM, any other on demand."),
    volumes: volumeMounts
      .optional()
      .describe(
        "Folders for data that outlives instances and versions: each slot has its own, on the host where it was first placed, and stays there until a person removes it (orrery volume rm).",
      ),
    grace: duration.default("10s").describe("From SIGTERM to SIGKILL."),
    calls: z
      .array(label)
      .max(500)
      .optional()
      .describe(
        "Services that it may call; absent: any. Checked by the gateway; no wall: a program may dial past it, or use another's address (callerCheck of the Site).",
      ),
    drain: z
      .strictObject({
        streams: streamEnding.default("terminateAfter"),
        terminateAfter: duration.default(STREAMS_END_AFTER),
        busy: busyCheck.optional(),
      })
      .default({ streams: "terminateAfter", terminateAfter: STREAMS_END_AFTER }),
    handover: z
      .enum(["hold", "compatible"])
      .optional()
      .describe(
        "Of an exclusive service: hold (default) lets no transaction meet two revisions; compatible declares that this revision serves the callers of the one before, so that nothing is held and versions may mix.",
      ),
    stateUrl: z
      .strictObject({ path: sentPath })
      .optional()
      .describe("POST {state: passive|active|draining} goes here at each change, beside the file $ORRERY_STATE."),
    logLevel: logLevelHook.optional(),
  })
  .superRefine(({ run, env, ports, health, drain, stateUrl, logLevel }, context) => {
    const names = ports.map((one) => one.name);
    const asked: readonly (readonly [{ readonly port?: string | undefined } | undefined, readonly string[]])[] = [
      [health.startup?.http ?? health.startup?.tcp, ["health", "startup"]],
      [health.readiness?.http ?? health.readiness?.tcp, ["health", "readiness"]],
      [health.liveness?.http ?? health.liveness?.tcp, ["health", "liveness"]],
      [drain.busy?.http, ["drain", "busy"]],
      [stateUrl === undefined ? undefined : {}, ["stateUrl"]],
      [logLevel?.http ?? logLevel?.spring, ["logLevel"]],
    ];
    for (const [target, path] of asked) {
      if (target?.port !== undefined && !names.includes(target.port))
        context.addIssue({ code: "custom", path: [...path], message: `there is no port ${target.port}; ports are ${names.join(", ") || "none"}` });
      else if (target !== undefined && names.length === 0)
        context.addIssue({ code: "custom", path: [...path], message: "it asks at the first port, and there are none: give ports, or leave it out" });
    }
    const size = tooLongToStart([...run.command, ...run.args], env);
    if (size !== undefined) context.addIssue({ code: "custom", path: ["env"], message: size });
  });
export type Template = z.infer<typeof template>;
