import { z } from "zod";
import { describeError, isOrreryError, LOG_LEVELS, OrreryError } from "#/base/index.ts";
import { duration, durationMs, type Instance, type Microservice, microservice } from "#/model/index.ts";
import type { Peers } from "#/state/link/hub/index.ts";
import type { LocalCopy, PathCaller } from "#/state/reconcile/index.ts";
import { type LevelAnswer, type LevelWish, LOGS_LEVEL } from "./contract.ts";

/** The longest time for which a level is changed. */
const FOR_MS_MAX = 86_400_000;
/** An agent asks the program, twice where it has to know how it was before. */
const ASK_MS = 15_000;

const body = z.strictObject({
  service: z.string().min(1).max(63),
  namespace: z.string().min(1).max(63).default("default"),
  /** One of its instances; default all. */
  instance: z.string().min(1).max(253).optional(),
  level: z.enum([...LOG_LEVELS, "back"]),
  for: duration.default("10m"),
  reason: z.string().trim().max(2_000).optional(),
});
const answer = z.object({ untilMs: z.number().exactOptional() });

/** What came of one instance. */
export interface LevelOutcome {
  readonly instance: string;
  readonly host: string;
  readonly outcome: "done" | "refused";
  /** When it goes back. */
  readonly until?: string;
  readonly message?: string;
  readonly code?: string;
}

export interface LevelDeskOptions {
  readonly services: LocalCopy<Microservice>;
  readonly instances: LocalCopy<Instance>;
  readonly peers: Pick<Peers, "askAgent">;
}

/** Changes the level of the logs of a service's instances for a time, or puts it back. Each host puts it back by itself.
 *  @throws logs/invalid, store/missing, api/forbidden */
export async function changeLevels(
  given: unknown,
  caller: PathCaller,
  { services, instances, peers }: LevelDeskOptions,
): Promise<{ readonly items: readonly LevelOutcome[] }> {
  const parsed = body.safeParse(given ?? {});
  if (!parsed.success)
    throw new OrreryError(
      "logs/invalid",
      `the body is not what is read here: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
    );
  const { service: name, namespace, level, reason } = parsed.data;
  const forMs = durationMs(parsed.data.for);
  if (forMs < 1_000 || forMs > FOR_MS_MAX) throw new OrreryError("logs/invalid", `for: from 1s to 24h; found ${parsed.data.for}`);
  const service = services.get(`${namespace}/${name}`);
  if (service === undefined || !caller.sees(microservice, service)) throw new OrreryError("store/missing", `microservices "${name}" not found`);
  if (level !== "back" && service.spec.template.logLevel === undefined)
    throw new OrreryError("logs/invalid", `${name} does not say how its level is changed: give its template a logLevel (http, spring or signal)`);
  const why = [`${level === "back" ? "back" : `${level} for ${parsed.data.for}`}`, ...(reason === undefined || reason === "" ? [] : [reason])].join(
    ": ",
  );
  await caller.act("log-level", service, { reason: why });
  const wanted = [...instances.values()].filter(
    ({ metadata, spec }) =>
      spec.service === name &&
      (metadata.namespace ?? "default") === namespace &&
      metadata.deletionTimestamp === undefined &&
      (parsed.data.instance === undefined || parsed.data.instance === metadata.name),
  );
  if (wanted.length === 0)
    throw new OrreryError("store/missing", `${name} has no instance${parsed.data.instance === undefined ? "" : ` ${parsed.data.instance}`}`);
  const ask = async ({ metadata, spec: { host } }: Instance): Promise<LevelOutcome> => {
    const wish: LevelWish = { namespace, instance: metadata.name, ...(level !== "back" && { level }), forMs };
    try {
      const { untilMs }: LevelAnswer = answer.parse(await peers.askAgent(host, LOGS_LEVEL, wish, { timeoutMs: ASK_MS }));
      return { instance: metadata.name, host, outcome: "done", ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }) };
    } catch (error) {
      if (!isOrreryError(error)) throw error;
      return { instance: metadata.name, host, outcome: "refused", code: error.code, message: describeError(error) };
    }
  };
  return { items: await Promise.all(wanted.map(ask)) };
}
