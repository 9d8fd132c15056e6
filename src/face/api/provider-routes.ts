import { describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import type { Login, PendingLogin, Visitor } from "#/people/login/index.ts";
import { type BrowserRules, cookieName, isSecure, pendingCookie, rawCookieOf, shownOrigin } from "./browser.ts";
import type { Exchange, Reply } from "./exchange.ts";
import { failureStatus } from "./status.ts";

export interface ProviderRoutesOptions {
  readonly login: Login;
  readonly browser: BrowserRules;
  readonly visitor: (exchange: Exchange) => Visitor;
}

const CALLBACK = "/login/callback";

/** Logging in at an OpenID Connect provider, as a browser goes there and comes back. Pages of another site lead here, so no request of these changes anything for whoever is logged in: the way back ends in a link, and a page of ours uses it. */
export class ProviderRoutes {
  readonly #options: ProviderRoutesOptions;

  constructor(options: ProviderRoutesOptions) {
    this.#options = options;
  }

  /** To the provider. `to`: the page of the console to come back to. */
  async begin(exchange: Exchange): Promise<Reply> {
    const { login, browser } = this.#options;
    const { request, query } = exchange;
    try {
      const { url, pending } = await login.beginAtProvider(`${shownOrigin(request, browser)}${CALLBACK}`);
      const { state, nonce, verifier } = pending;
      const value = [state, nonce, verifier, Buffer.from(pageOf(query.get("to"))).toString("base64url")].join(".");
      return page(302, "", { location: url, "set-cookie": [this.#cookie(exchange, value)] });
    } catch (error) {
      return refusal(error);
    }
  }

  /** Back from there: the page goes on by itself, so that it is a page of ours that has the session's cookie sent (SameSite=Strict). */
  async finish(exchange: Exchange): Promise<Reply> {
    const { login, browser, visitor } = this.#options;
    const { request } = exchange;
    const headers = { "set-cookie": [this.#cookie(exchange, undefined)] };
    try {
      const kept = parsePending(rawCookieOf(request, `${cookieName(browser, request)}-state`));
      if (kept === undefined) throw new OrreryError("login/provided", "the login was begun too long ago, or in another browser; begin again");
      const url = new URL(request.url ?? "/", shownOrigin(request, browser));
      const { link } = await login.finishAtProvider(url, kept.pending, visitor(exchange));
      return page(
        200,
        `<meta http-equiv="refresh" content="0;url=${escapeHtml(`${kept.page}#link=${link}`)}"><p>You are logged in. <a href="${escapeHtml(`${kept.page}#link=${link}`)}">Go on</a></p>`,
        headers,
      );
    } catch (error) {
      return refusal(error, headers);
    }
  }

  #cookie({ request }: Exchange, value: string | undefined): string {
    const { browser } = this.#options;
    return pendingCookie({ name: cookieName(browser, request), isSecure: isSecure(request, browser), ...(value !== undefined && { value }) });
  }
}

const PENDING = /^([\w-]{43})\.([\w-]{43})\.([\w-]{43})\.([\w-]{0,700})$/;

function parsePending(text: string | undefined): { readonly pending: PendingLogin; readonly page: string } | undefined {
  const [, state, nonce, verifier, to] = PENDING.exec(text ?? "") ?? [];
  if (state === undefined || nonce === undefined || verifier === undefined) return undefined;
  return { pending: { state, nonce, verifier }, page: pageOf(Buffer.from(to ?? "", "base64url").toString("utf8")) };
}

/** A page of the console; whatever else is asked for, its first one. */
function pageOf(to: string | null): string {
  return to !== null && /^\/console\/[\w\-./~%?=&]{0,400}$/.test(to) && !to.includes("//") && !/\.\.|%2e/i.test(to) ? to : "/console/";
}

/** What a person reads who cannot log in this way: why, and how else. */
function refusal(error: unknown, headers: Readonly<Record<string, string[]>> = {}): Reply {
  if (!isOrreryError(error)) throw error;
  const { code } = failureStatus(error, { verb: "get" });
  return page(code, `<p>${escapeHtml(describeError(error))}</p><p><a href="/console/">Log in another way</a></p>`, headers);
}

function page(status: number, body: string, headers: Readonly<Record<string, string | string[]>>): Reply {
  return {
    status,
    contentType: "text/html; charset=utf-8",
    text: body === "" ? "" : `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Orrery</title></head><body>${body}</body></html>`,
    headers: {
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  };
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}
