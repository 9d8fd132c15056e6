import { type Clock, describeError, isOrreryError, type Log, OrreryError, type Random } from "#/base/index.ts";
import type { Person, Visitor } from "./contract.ts";
import { HashQueue } from "./hash-queue.ts";
import type { Kept } from "./kept.ts";
import type { Credential, credential } from "./kinds.ts";
import { LIMITS } from "./limits.ts";
import type { Owners } from "./owners.ts";
import { type Argon2id, emptyHash, hashPassword, verifyPassword } from "./password-hash.ts";
import { hashSecret, newSecret } from "./secret.ts";
import { iso, ownerOf } from "./sessions.ts";
import { type Attempt, Throttle } from "./throttle.ts";

export interface PasswordsOptions {
  readonly kept: Kept<typeof credential>;
  readonly owners: Owners;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly argon2id: Argon2id;
}

const BROWSER = /^[\w-]{43}$/;
/** What nobody has: whoever is not known costs as much. */
const NOBODY = emptyHash();

/** Passwords of users: only their hashes are kept, a few are looked at a time, guesses are slowed down. */
export class Passwords {
  readonly #options: PasswordsOptions;
  readonly #throttle: Throttle;
  readonly #queue = new HashQueue();

  constructor(options: PasswordsOptions) {
    this.#options = options;
    this.#throttle = new Throttle(options.clock);
  }

  /** True if any user has one. */
  get any(): boolean {
    return this.#options.kept.values().length > 0;
  }

  /** Whether `password` is `user`'s. An unknown user costs as much time as a known one.
   *  @throws login/wait (backoff), login/busy (backoff), access/unavailable (backoff) */
  async isRight(user: string, password: string, visitor: Visitor): Promise<boolean> {
    const { kept, owners, argon2id } = this.#options;
    const found = await kept.load(nameOf(user));
    const own = found !== undefined && found.spec.user.uid === owners.find(user)?.uid ? found : undefined;
    const attempt = attemptOf(user, visitor, own);
    this.#throttle.begin(attempt);
    let verdict: Awaited<ReturnType<typeof verifyPassword>>;
    try {
      const isTooLong = password.length > LIMITS.passwordCharactersMax;
      verdict = await this.#queue.run(attempt.browser === undefined ? "other" : "known", () =>
        verifyPassword(own === undefined || isTooLong ? NOBODY : own.spec.password, isTooLong ? "" : password, argon2id),
      );
    } catch (error) {
      this.#throttle.forgive(attempt);
      throw error;
    }
    if (!verdict.isRight || own === undefined) return false;
    this.#throttle.succeeded(attempt);
    if (verdict.isOld) await this.#write(own, { password: await this.#hash(password) });
    return true;
  }

  /** Whether it may be set.
   *  @throws login/no-user, login/disabled, login/weak */
  check(user: string, password: string): Person {
    const person = this.#options.owners.known(user);
    if (person.uid === undefined)
      throw new OrreryError(
        "login/no-user",
        `${user} is the admin of the machine, who logs in with a link; make a user first: orrery user add NAME --role admin`,
      );
    checkStrength(user, password);
    return person;
  }

  /** Sets it.
   *  @throws login/busy (backoff), and as `check` */
  async set(user: string, password: string): Promise<void> {
    const { kept, clock } = this.#options;
    const person = this.check(user, password);
    const hashed = await this.#hash(password);
    const spec = { user: ownerOf(person), password: hashed, changed: iso(clock.now()), browsers: [] };
    const former = await kept.load(user);
    if (former === undefined) await kept.create(user, spec);
    else await kept.replace(former, spec);
  }

  /** What the browser of `visitor` is to keep, so that it is known; `undefined`: it is known already. */
  async remember(user: string, { known }: Visitor): Promise<string | undefined> {
    const { kept, clock, random } = this.#options;
    const object = await kept.load(user);
    if (object === undefined) return undefined;
    const nowMs = clock.now();
    const isKnown = known !== undefined && BROWSER.test(known);
    const secret = isKnown ? known : newSecret(random);
    const hash = hashSecret(secret);
    const browsers = object.spec.browsers ?? [];
    const former = browsers.find((one) => one.hash === hash);
    if (former !== undefined && Math.abs(nowMs - Date.parse(former.seen)) < LIMITS.keptMs) return undefined;
    const others = browsers.filter((one) => one.hash !== hash).slice(1 - LIMITS.browsersOfUserMax);
    await this.#write(object, { browsers: [...others, { hash, seen: iso(nowMs) }] });
    return secret;
  }

  /** How often in a row this visitor has been wrong. */
  failures(user: string, visitor: Visitor): number {
    return this.#throttle.failures(attemptOf(user, visitor, this.#options.kept.find(nameOf(user))));
  }

  /** Deletes those of users that are no more. */
  async sweep(): Promise<void> {
    const { kept, owners } = this.#options;
    for (const object of kept.values())
      if (owners.find(object.spec.user.name)?.uid !== object.spec.user.uid) await kept.delete(object).catch(() => undefined);
  }

  async #hash(password: string): Promise<string> {
    const { random, argon2id } = this.#options;
    return await this.#queue.run("known", () => hashPassword(password, random, argon2id));
  }

  /** Whoever is faster has it: these are conveniences. */
  async #write(object: Credential, change: Partial<Credential["spec"]>): Promise<void> {
    try {
      await this.#options.kept.replace(object, { ...object.spec, ...change });
    } catch (error) {
      if (!isOrreryError(error)) throw error;
      this.#options.log.debug(`login: what is kept of user ${object.metadata.name} could not be renewed: ${describeError(error)}`);
    }
  }
}

/** A name as an object may have it: whatever else is typed has no password. */
function nameOf(user: string): string {
  return /^[a-z0-9][-.a-z0-9]{0,252}$/.test(user) ? user : "-";
}

function attemptOf(user: string, { address, known }: Visitor, own: Credential | undefined): Attempt {
  const browser = known !== undefined && BROWSER.test(known) ? hashSecret(known) : undefined;
  const isKnown = browser !== undefined && own?.spec.browsers?.some((one) => one.hash === browser) === true;
  return { user: hashSecret(user), address: networkOf(address), ...(isKnown && { browser: `${own.metadata.name} ${browser}` }) };
}

/** Of IPv6 the network, which one household has. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::", 2);
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(missing).fill("0"), ...after].slice(0, 4).join(":");
}

/** @throws login/weak */
export function checkStrength(user: string, password: string): void {
  const characters = [...password];
  const weak = (why: string): OrreryError => new OrreryError("login/weak", `choose another password: ${why}`);
  if (characters.length < LIMITS.passwordCharactersMin)
    throw weak(`it has ${characters.length} characters, ${LIMITS.passwordCharactersMin} are the least; three or four words are easy to keep in mind`);
  if (password.length > LIMITS.passwordCharactersMax) throw weak(`it is longer than ${LIMITS.passwordCharactersMax} characters`);
  if (new Set(characters).size < 5) throw weak("it is made of fewer than 5 different characters");
  const lower = password.toLowerCase();
  if (lower.replaceAll(user.toLowerCase(), "").length < LIMITS.passwordCharactersMin / 2) throw weak("it is little more than the name of the user");
}
