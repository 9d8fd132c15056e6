import { readFileSync } from "node:fs";
import path from "node:path";
import { describeError, type Log } from "#/base/index.ts";
import { type SnmpAgent, type SnmpSettings, type SnmpUser, snmpAgent } from "#/model/index.ts";
import { replaceFile } from "#/work/process/index.ts";
import { type LocalKeys, localizeKey } from "../wire/index.ts";
import { Access, type AgentUser } from "./access.ts";

/** Keys for engines of others that are kept: each takes milliseconds to make. */
const PEER_KEYS_MAX = 200;
const FILE = "settings.json";

/** What this agent is told to do, as the centre said last; kept in `<folder>/settings.json`, so that it goes on without the centre. Passwords are kept nowhere: only the keys that they make for this engine. */
export class Configuration {
  readonly #folder: string;
  readonly #engineId: Uint8Array;
  readonly #log: Log;
  #settings: SnmpSettings = defaults();
  #agent: SnmpAgent | undefined;
  #users: ReadonlyMap<string, SnmpUser> = new Map();
  /** By name, with what they were made of. */
  #known = new Map<string, { readonly of: unknown; readonly user: AgentUser }>();
  #access: Access;
  readonly #peerKeys = new Map<string, LocalKeys>();
  #isTold = false;
  #writtenVersion = 0n;

  constructor({ folder, engineId, log }: { readonly folder: string; readonly engineId: Uint8Array; readonly log: Log }) {
    this.#folder = folder;
    this.#engineId = engineId;
    this.#log = log;
    this.#restore();
    this.#access = this.#makeAccess();
  }

  get settings(): SnmpSettings {
    return this.#settings;
  }

  get access(): Access {
    return this.#access;
  }

  /** The object as it is stored; `undefined` until the centre has told it. */
  get agent(): SnmpAgent | undefined {
    return this.#agent;
  }

  /** False until the centre, or a former start, has said what to do. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** Token on whose behalf a user changes something. */
  tokenOf(user: string): string | undefined {
    return this.#users.get(user)?.spec.token?.value;
  }

  /** Takes what the centre says. True: something is another than before. */
  take(agent: SnmpAgent | undefined, users: Iterable<SnmpUser>): void {
    // What was on its way before a change of one's own tells nothing new.
    if (agent !== undefined && BigInt(agent.metadata.resourceVersion) >= this.#writtenVersion) {
      this.#agent = agent;
      this.#settings = agent.spec;
      this.#isTold = true;
    }
    this.#users = new Map([...users].map((one) => [one.metadata.name, one]));
    const known = new Map<string, { readonly of: unknown; readonly user: AgentUser }>();
    for (const [name, { spec }] of this.#users) {
      const of = JSON.stringify([spec.auth, spec.priv]);
      const before = this.#known.get(name);
      const keys = before?.of === of ? before.user.keys : localKeys(spec, this.#engineId);
      known.set(name, { of, user: { name, keys, mayWrite: spec.token !== undefined && spec.priv !== undefined } });
    }
    if ([...known].some(([name, { of }]) => this.#known.get(name)?.of !== of) || known.size !== this.#known.size) this.#peerKeys.clear();
    this.#known = known;
    this.#access = this.#makeAccess();
    this.#keep();
  }

  /** Takes what this agent has written itself. */
  patch(changed: Partial<SnmpSettings>, resourceVersion: string): void {
    this.#settings = { ...this.#settings, ...changed };
    this.#writtenVersion = BigInt(resourceVersion);
    this.#keep();
  }

  /** Keys of `user` for `engineId`. */
  keysOf(user: string, engineId: Uint8Array): LocalKeys | undefined {
    if (Buffer.from(this.#engineId).equals(engineId)) return this.#known.get(user)?.user.keys;
    const spec = this.#users.get(user)?.spec;
    if (spec === undefined) return undefined;
    const id = `${user} ${Buffer.from(engineId).toString("hex")}`;
    const known = this.#peerKeys.get(id);
    if (known !== undefined) return known;
    const keys = localKeys(spec, engineId);
    const [oldest] = this.#peerKeys.keys();
    if (this.#peerKeys.size >= PEER_KEYS_MAX && oldest !== undefined) this.#peerKeys.delete(oldest);
    this.#peerKeys.set(id, keys);
    return keys;
  }

  #makeAccess(): Access {
    return new Access(
      [...this.#known.values()].map(({ user }) => user),
      this.#settings.communities,
    );
  }

  /** Without the passwords and tokens. */
  #keep(): void {
    const users = [...this.#known.values()].map(({ user: { name, mayWrite, keys } }) => ({
      name,
      mayWrite,
      protocol: keys.protocol,
      auth: Buffer.from(keys.auth).toString("base64"),
      ...(keys.priv !== undefined && { priv: Buffer.from(keys.priv).toString("base64") }),
    }));
    const engine = Buffer.from(this.#engineId).toString("hex");
    try {
      replaceFile(path.join(this.#folder, FILE), `${JSON.stringify({ engine, settings: this.#settings, users })}\n`);
    } catch (error) {
      this.#log.warn("cannot keep what the centre says; after a restart without the centre the former holds", { error: describeError(error) });
    }
  }

  #restore(): void {
    try {
      const { engine, settings, users } = JSON.parse(readFileSync(path.join(this.#folder, FILE), "utf8")) as Readonly<Record<string, unknown>>;
      // In a copied data folder the keys are the original's.
      if (engine !== Buffer.from(this.#engineId).toString("hex")) return;
      const parsed = snmpAgent.spec.safeParse(settings);
      if (!parsed.success) return;
      this.#settings = parsed.data as SnmpSettings;
      this.#isTold = true;
      for (const { name, mayWrite, protocol, auth, priv } of users as readonly Readonly<Record<string, string>>[]) {
        const keys = { protocol, auth: Buffer.from(auth ?? "", "base64"), ...(priv !== undefined && { priv: Buffer.from(priv, "base64") }) };
        if (name !== undefined) this.#known.set(name, { of: undefined, user: { name, keys: keys as LocalKeys, mayWrite: Boolean(mayWrite) } });
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        this.#log.warn("what the centre said last cannot be read", { error: describeError(error) });
    }
  }
}

function defaults(): SnmpSettings {
  return snmpAgent.spec.parse({}) as SnmpSettings;
}

function localKeys({ auth, priv }: SnmpUser["spec"], engineId: Uint8Array): LocalKeys {
  const { protocol } = auth;
  return {
    protocol,
    auth: localizeKey(protocol, auth.password.value, engineId),
    // RFC 3414, A.2: privacy takes the hash of the authentication.
    ...(priv !== undefined && { priv: localizeKey(protocol, priv.password.value, engineId) }),
  };
}
