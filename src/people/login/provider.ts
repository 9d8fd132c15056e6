import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Configuration } from "openid-client";
import { type Clock, describeError, isOrreryError, type Log, OrreryError, type Random } from "#/base/index.ts";
import type { PendingLogin, ProviderSettings } from "./contract.ts";
import { withoutReserved } from "./owners.ts";
import { newSecret } from "./secret.ts";

/** Who somebody is at the provider: by issuer and subject, never by a name or an address, which may be given to another one day. */
export interface ProvidedIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  /** For a new user's name and how they are called. */
  readonly name?: string;
  readonly displayName?: string;
}

export interface ProviderOptions {
  readonly settings: () => ProviderSettings | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const ASK_SECONDS_MAX = 5;
/** What the provider says of itself is asked for anew after so long; after a failure, sooner. */
const FRESH_MS = 10 * 60_000;
const AGAIN_MS = 10_000;
const GROUPS_MAX = 200;

interface Known {
  readonly key: string;
  readonly atMs: number;
  readonly configuration: Promise<Configuration>;
  isAway: boolean | undefined;
}

/** Logging in at an OpenID Connect provider (code flow with PKCE). What is asked of it never keeps others from logging in. */
export class Provider {
  readonly #options: ProviderOptions;
  #known: Known | undefined;

  constructor(options: ProviderOptions) {
    this.#options = options;
  }

  /** Whether there is one, what it is called, and whether it answered last; looks again in the background. */
  state(): { readonly name: string; readonly isAway: boolean } | undefined {
    const settings = this.#options.settings();
    if (settings === undefined) return undefined;
    void this.#configuration(settings).catch(() => undefined);
    return { name: settings.name, isAway: this.#known?.isAway === true };
  }

  /** Where the browser goes, and what it keeps meanwhile.
   *  @throws login/provider (backoff): there is none, or it does not answer */
  async begin(redirectUri: string): Promise<{ readonly url: string; readonly pending: PendingLogin }> {
    const settings = this.#needed();
    const configuration = await this.#configuration(settings);
    const client = await import("openid-client");
    const { random } = this.#options;
    const pending = { state: newSecret(random), nonce: newSecret(random), verifier: newSecret(random) };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: [...new Set(["openid", ...settings.scopes])].join(" "),
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
    });
    return { url: url.href, pending };
  }

  /** Who has come back with `url`, the whole address of the callback.
   *  @throws login/provider (backoff): it does not answer; login/provided: what came back does not belong to what was begun, or is refused there */
  async finish(url: URL, pending: PendingLogin): Promise<ProvidedIdentity> {
    const settings = this.#needed();
    const configuration = await this.#configuration(settings);
    const client = await import("openid-client");
    try {
      const answer = await client.authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: pending.verifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      });
      const claims = answer.claims();
      if (claims === undefined) throw new Error("there is no ID token");
      const more =
        settings.groupsClaim in claims || configuration.serverMetadata().userinfo_endpoint === undefined
          ? {}
          : await client.fetchUserInfo(configuration, answer.access_token, claims.sub);
      return identityOf({ ...more, ...claims }, claims.iss, claims.sub, settings.groupsClaim);
    } catch (error) {
      if (isOrreryError(error)) throw error;
      if (isUnreachable(error)) throw this.#away(settings, error);
      // Neither the code nor a token stands in it.
      const { code, error: told } = error as { readonly code?: unknown; readonly error?: unknown };
      throw new OrreryError(
        "login/provided",
        `${settings.name} has not let you in (${[told, code].filter((one) => typeof one === "string").join(", ") || describeError(error)}); begin again`,
        {
          cause: error,
        },
      );
    }
  }

  #needed(): ProviderSettings {
    const settings = this.#options.settings();
    if (settings === undefined)
      throw new OrreryError("login/provider", "this site has no OpenID Connect provider (spec.login.provider of the Site)", { retry: "backoff" });
    return settings;
  }

  #configuration(settings: ProviderSettings): Promise<Configuration> {
    const { clock } = this.#options;
    const key = JSON.stringify(settings);
    const nowMs = clock.monotonic();
    const known = this.#known;
    if (known?.key === key && nowMs - known.atMs < (known.isAway === true ? AGAIN_MS : FRESH_MS)) return known.configuration;
    const isAway = known?.key === key ? known.isAway : undefined;
    const fresh: Known = { key, atMs: nowMs, configuration: this.#discover(settings), isAway };
    this.#known = fresh;
    fresh.configuration.then(
      () => {
        fresh.isAway = false;
      },
      (error: unknown) => {
        if (fresh.isAway !== true) this.#options.log.warn(`login: the provider ${settings.issuer} does not answer: ${describeError(error)}`);
        fresh.isAway = true;
      },
    );
    return fresh.configuration;
  }

  async #discover(settings: ProviderSettings): Promise<Configuration> {
    const client = await import("openid-client");
    const { issuer, clientId, secretFile } = settings;
    const url = new URL(issuer);
    try {
      const secret = secretFile === undefined ? undefined : (await readFile(secretFile, "utf8")).trim();
      return await client.discovery(url, clientId, secret, secret === undefined ? client.None() : undefined, {
        timeout: ASK_SECONDS_MAX,
        // On this machine alone: elsewhere somebody could listen.
        ...(url.protocol === "http:" && isLoopback(url.hostname) && { execute: [client.allowInsecureRequests] }),
      });
    } catch (error) {
      throw this.#away(settings, error);
    }
  }

  #away({ name, issuer }: ProviderSettings, error: unknown): OrreryError {
    return new OrreryError(
      "login/provider",
      `${name} (${issuer}) does not answer: ${describeError(causeOf(error))}; users of this site log in with their password or a link`,
      {
        retry: "backoff",
        cause: error,
      },
    );
  }
}

function identityOf(claims: Readonly<Record<string, unknown>>, issuer: string, subject: string, groupsClaim: string): ProvidedIdentity {
  const text = (name: string): string | undefined =>
    typeof claims[name] === "string" && claims[name] !== "" ? claims[name].slice(0, 200) : undefined;
  const given = claims[groupsClaim];
  const groups = (Array.isArray(given) ? given : typeof given === "string" ? [given] : []).filter(
    (one): one is string => typeof one === "string" && one.length <= 253,
  );
  const [name, displayName] = [text("preferred_username"), text("name")];
  return {
    issuer,
    subject,
    groups: withoutReserved(groups).slice(0, GROUPS_MAX),
    ...(name !== undefined && { name }),
    ...(displayName !== undefined && { displayName }),
  };
}

/** The name of the user that is made for somebody who comes for the first time: theirs as far as it may be, and what tells them apart from whoever has the same. */
export function newUserName({ issuer, subject, name = "" }: ProvidedIdentity): string {
  const own = createHash("sha256").update(`${issuer}\0${subject}`).digest("hex").slice(0, 10);
  const readable = name
    .toLowerCase()
    .replace(/@.*$/, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return `${readable === "" ? "user" : readable}-${own}`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function isUnreachable(error: unknown): boolean {
  const cause = causeOf(error) as { readonly code?: unknown; readonly name?: unknown };
  return (
    cause.name === "TimeoutError" ||
    (typeof cause.code === "string" && /^(?:E[A-Z]+|UND_ERR_.*|OAUTH_TIMEOUT)$/.test(cause.code)) ||
    error instanceof TypeError
  );
}

function causeOf(error: unknown): unknown {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof Error ? causeOf(cause) : error;
}
