import { OrreryError } from "#/base/index.ts";
import { ANONYMOUS, type Authenticate, type Authorizer, type Identity } from "#/people/access/index.ts";
import { type BrowserRules, checkHost, checkOrigin, cookieName, cookieOf } from "./browser.ts";
import { type Exchange, headerOf, type Request } from "./exchange.ts";
import type { Route } from "./routes.ts";
import { asksForWebSocket, protocolToken } from "./web-socket.ts";

const CONSOLE_PATH = "console";
const LOGIN_PATH = "login";
/** The half of a session that the page keeps. */
const SESSION_HEADER = "orrery-session";
/** Read without a token: they tell nothing of the site. */
const OPEN_PATHS: ReadonlySet<string> = new Set([CONSOLE_PATH, "healthz", "livez", "readyz", "version"]);

export interface AskersOptions {
  readonly authenticate: Authenticate;
  readonly authorizer: Authorizer;
  /** Rules for browsers; absent: nobody logs in here. */
  readonly browser: BrowserRules | undefined;
}

/** Who asks, and whether they may: looked at before anything is answered, in the same way for every request. */
export class Askers {
  readonly #options: AskersOptions;

  constructor(options: AskersOptions) {
    this.#options = options;
  }

  /** @throws api/unauthorized; access/unavailable: it cannot be looked up now */
  authenticate({ request, path }: Exchange): Identity | Promise<Identity> {
    const [root = ""] = path;
    const browser = this.#options.browser;
    const isPlain = browser !== undefined && (request.socket as { readonly encrypted?: boolean } | undefined)?.encrypted !== true;
    // Whoever asks for it, with whatever: nothing of the site is in it, and who logs in needs it first.
    if (root === CONSOLE_PATH) {
      if (isPlain) checkHost(request, browser);
      return ANONYMOUS;
    }
    // The provider's page leads back here; what is asked for is a page, and changes nothing.
    const isNavigation = root === LOGIN_PATH && path.length === 2 && request.method === "GET";
    if (isNavigation && browser !== undefined) checkHost(request, browser);
    else if (isPlain) checkOrigin(request, browser);
    if (root === LOGIN_PATH) return ANONYMOUS;
    // A page cannot set headers here: its half of the session comes as the first message, and is asked for then.
    if (isSessionLater(request, path)) {
      if (browser !== undefined) checkOrigin(request, browser);
      return ANONYMOUS;
    }
    const header = headerOf(request, "authorization");
    const secret = browser === undefined || isBearer(header) ? undefined : headerOf(request, SESSION_HEADER);
    if (browser !== undefined && secret !== undefined) return this.#authenticateSession(request, browser, secret);
    const given = header === undefined && asksForWebSocket(request) ? protocolToken(request) : undefined;
    if (header === undefined && given === undefined && OPEN_PATHS.has(path[0] ?? "")) return ANONYMOUS;
    const token = given ?? /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
    if (token === undefined)
      throw new OrreryError("api/unauthorized", "Unauthorized: give a token (Authorization: Bearer …); the site's are in its data folder, tokens/");
    const user = this.#options.authenticate({ bearer: token });
    return user instanceof Promise ? user.then((found) => known(found, token)) : known(user, token);
  }

  /** Both halves of a session; neither of them is believed alone, nor what another page makes a browser send.
   *  @throws api/unauthorized, api/cross-origin, login/ended */
  #authenticateSession(request: Request, browser: BrowserRules, secret: string): Identity | Promise<Identity> {
    checkOrigin(request, browser);
    const cookie = cookieOf(request, cookieName(browser, request));
    const user = cookie === undefined ? undefined : this.#options.authenticate({ cookie, secret });
    return user instanceof Promise ? user.then(knownSession) : knownSession(user);
  }

  /** @throws api/forbidden */
  authorize({ request, user, path }: Exchange, { wish, access }: Route): void {
    if (access === "open" || (access === "known" && user !== ANONYMOUS)) return;
    if (user === ANONYMOUS && (OPEN_PATHS.has(path[0] ?? "") || isSessionLater(request, path))) return;
    const verdict = this.#options.authorizer.decide(user, wish);
    if (!verdict.allowed) throw new OrreryError("api/forbidden", `forbidden: ${verdict.reason}`);
  }
}

/** True for a page that asks for its views with a cookie: who that is comes out with its first message. */
export function isSessionLater(request: Request, path: readonly string[]): boolean {
  if (path[0] !== "views" || !asksForWebSocket(request) || headerOf(request, "cookie") === undefined) return false;
  return !isBearer(headerOf(request, "authorization")) && protocolToken(request) === undefined;
}

/** True for the one scheme that there is. Another one, as a proxy before us adds it to all that it hands on, says nothing here: a session counts beside it, and alone it is refused. */
function isBearer(header: string | undefined): boolean {
  return header !== undefined && /^Bearer\b/i.test(header);
}

/** Nobody acts as another here: who asked for it must not believe that it was done.
 *  @throws api/forbidden */
export function refuseImpersonation({ request, user }: Exchange): void {
  const field = Object.keys(request.headers).find((name) => name.startsWith("impersonate-"));
  if (field !== undefined)
    throw new OrreryError(
      "api/forbidden",
      `forbidden: user ${user.name} may not act as another: the field ${field.slice(0, 100)} is not served; leave it out, and give the token of whom you mean`,
    );
}

/** @throws api/unauthorized */
function knownSession(user: Identity | undefined): Identity {
  if (user === undefined) throw new OrreryError("api/unauthorized", "Unauthorized: there is no such session; log in again");
  return user;
}

/** Of a token by its form alone: whether there ever was such a one is told to nobody.
 *  @throws api/unauthorized */
function known(user: Identity | undefined, token: string): Identity {
  if (user !== undefined) return user;
  throw new OrreryError(
    "api/unauthorized",
    token.startsWith("orrery_")
      ? "Unauthorized: the token is none of this site, or was revoked; log in again (orrery login), or make another: orrery token create"
      : "Unauthorized: the token is not one of this site's; they are in its data folder, tokens/",
  );
}
