import { type Clock, describeError, isOrreryError, type OrreryError, parseEndpoint, type Random } from "#/base/index.ts";
import type { Probe } from "#/model/index.ts";
import type { Figure } from "#/watch/figures/index.ts";
import type { AskOptions, Observation, ProbeContext } from "#/work/probes/index.ts";
import { type Credential, type Device, Exchanges } from "./exchanges.ts";
import { look, type Memory, newMemory } from "./look.ts";
import { ProfileFiles } from "./profile-files.ts";

/** Devices that are looked at at once; others wait. */
export const LOOKS_MAX = 64;
/** A device that does not answer is left alone for longer and longer, up to this many of its intervals. */
const BACKOFF_INTERVALS_MAX = 10;
/** How long an answer is waited for. */
const TRY_MS = 2_000;
const AUTH_PROTOCOLS = ["SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"] as const;

interface Known {
  /** How it is asked. */
  readonly asked: string;
  readonly memory: Memory;
  failures: number;
  /** Of our wall clock. */
  notBeforeMs: number;
  said: string;
  boots?: number;
}

export interface PollerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long an answer is waited for; default 2 s. */
  readonly tryMs?: number;
  readonly tell: (figures: readonly Figure[]) => void;
}

/** Looks at devices by SNMP, each as its Resource's probe says. */
export class Poller {
  readonly #clock: Clock;
  readonly #tryMs: number;
  readonly #tell: PollerOptions["tell"];
  readonly #exchanges: Exchanges;
  readonly #profiles = new ProfileFiles();
  readonly #known = new Map<string, Known>();
  /** Engines of SNMPv3, and the first device that has it. */
  readonly #engines = new Map<string, string>();
  #looking = 0;
  readonly #queue: (() => void)[] = [];

  constructor({ clock, random, tryMs = TRY_MS, tell }: PollerOptions) {
    this.#tryMs = tryMs;
    this.#clock = clock;
    this.#tell = tell;
    this.#exchanges = new Exchanges({ clock, random });
  }

  /** What is seen of the device, or why not. Rejects with the signal's reason when aborted. */
  async look(
    spec: NonNullable<Probe["snmp"]>,
    resource: string,
    intervalMs: number,
    context: ProbeContext,
    options: AskOptions,
  ): Promise<Observation> {
    const endpoint = parseEndpoint(spec.address);
    if (endpoint === undefined) return { error: `${spec.address} is no address: give IP:port` };
    const { SNMP_COMMUNITY, SNMP_USER, SNMP_AUTH, SNMP_PRIV, SNMP_AUTH_PROTOCOL } = context.env;
    const asked = JSON.stringify([spec, SNMP_COMMUNITY, SNMP_USER, SNMP_AUTH, SNMP_PRIV, SNMP_AUTH_PROTOCOL]);
    const before = this.#known.get(resource);
    // Asked otherwise, it is another device: nobody waits for the end of what the former one is left alone for.
    const known = before?.asked === asked ? before : { asked, memory: newMemory(), failures: 0, notBeforeMs: 0, said: "" };
    this.#known.set(resource, known);
    if (this.#clock.now() < known.notBeforeMs) return { error: known.said };
    await this.#enter(options.signal);
    try {
      const credential = credentialOf(context.env);
      if (typeof credential === "string") return { error: credential };
      return await this.#lookNow({ ...endpoint, credential }, resource, spec.profile, known, context, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isOrreryError(error, "devices/no-answer")) return { error: describeOwn(error) };
      known.failures += 1;
      const waitMs = intervalMs * Math.min(BACKOFF_INTERVALS_MAX, 2 ** Math.min(10, known.failures - 1)) - intervalMs / 2;
      known.notBeforeMs = this.#clock.now() + waitMs;
      known.said = `${describeOwn(error)}; not answered ${known.failures} times in a row, asked again after ${new Date(known.notBeforeMs).toISOString()}`;
      return { error: known.said };
    } finally {
      this.#looking -= 1;
      this.#queue.shift()?.();
    }
  }

  /** Forgets a device that is not looked at any more. */
  forget(resource: string): void {
    this.#known.delete(resource);
    for (const [id, one] of this.#engines) if (one === resource) this.#engines.delete(id);
  }

  async close(): Promise<void> {
    await this.#exchanges.close();
  }

  async #lookNow(
    device: Device,
    resource: string,
    title: string,
    known: Known,
    { workingDir }: ProbeContext,
    { timeoutMs, signal }: AskOptions,
  ): Promise<Observation> {
    const profile = this.#profiles.get(title, workingDir);
    const endMs = this.#clock.monotonic() + timeoutMs;
    const isLate = (): boolean => this.#clock.monotonic() >= endMs;
    const seen = await look({
      profile,
      memory: known.memory,
      isLate,
      nowMs: () => this.#clock.monotonic(),
      ask: (pdu, tries) => {
        const tryMs = Math.max(50, Math.min(this.#tryMs, (endMs - this.#clock.monotonic()) / 2));
        return this.#exchanges.ask(device, pdu, { timeoutMs: Math.floor(tryMs), tries, signal });
      },
    });
    known.failures = 0;
    const at = new Date(this.#clock.now()).toISOString();
    const { partial, ...whole } = seen.observed as { readonly partial?: readonly string[] };
    const labels = { device: resource.replace(/^default\//, "") };
    this.#tell(seen.figures.map(([metric, own, value]): Figure => [metric, { ...labels, ...own }, value]));
    const warnings = this.#warningsOf(device, resource, known);
    return {
      observed: {
        profile: title,
        ...whole,
        ...(warnings.length > 0 && { warnings }),
        ...(partial !== undefined && { partial: { at, tables: partial } }),
      },
    };
  }

  #warningsOf(device: Device, resource: string, known: Known): readonly string[] {
    const engine = this.#exchanges.engineOf(device);
    if (engine === undefined) return [];
    const warnings: string[] = [];
    const first = this.#engines.get(engine.id);
    if (first === undefined) this.#engines.set(engine.id, resource);
    else if (first !== resource) warnings.push(`its SNMP engine id ${engine.id} is also ${first}'s: give each device its own`);
    if (known.boots !== undefined && engine.boots < known.boots)
      warnings.push(`its snmpEngineBoots went back from ${known.boots} to ${engine.boots}: it does not keep them`);
    known.boots = engine.boots;
    return warnings;
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#looking >= LOOKS_MAX) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#looking += 1;
    if (signal?.aborted !== true) return;
    this.#looking -= 1;
    this.#queue.shift()?.();
    signal.throwIfAborted();
  }
}

/** From the environment of the Resource, where secrets are kept; a sentence: what is wrong. */
function credentialOf(env: ProbeContext["env"]): Credential | string {
  const { SNMP_COMMUNITY: community, SNMP_USER: user, SNMP_AUTH: auth, SNMP_PRIV: priv, SNMP_AUTH_PROTOCOL: wanted = "SHA-256" } = env;
  if (user === undefined) return { community: community ?? "public" };
  const protocol = AUTH_PROTOCOLS.find((one) => one === wanted);
  if (protocol === undefined) return `env SNMP_AUTH_PROTOCOL: found ${JSON.stringify(wanted)}; give one of ${AUTH_PROTOCOLS.join(", ")}`;
  if (priv !== undefined && auth === undefined) return "env SNMP_PRIV: needs SNMP_AUTH, too";
  return { user, protocol, auth, priv };
}

function describeOwn(error: unknown): string {
  return isOrreryError(error) ? (error as OrreryError).message : describeError(error);
}
