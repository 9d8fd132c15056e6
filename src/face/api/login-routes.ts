import { z } from "zod";
import { type Clock, OrreryError } from "#/base/index.ts";
import { API_GROUP, duration, durationMs, labelSelector, role as roleKind, user as userKind } from "#/model/index.ts";
import { type Authorizer, BUILT_IN_ROLES, type Identity } from "#/people/access/index.ts";
import type { Login, NewSession, Visitor } from "#/people/login/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type BrowserRules, checkOrigin, cookieName, cookieOf, isSecure, knownCookie, sessionCookie } from "./browser.ts";
import { type Exchange, headerOf, jsonReply, type Reply } from "./exchange.ts";
import { atPath, checkMethod } from "./methods.ts";
import { ProviderRoutes } from "./provider-routes.ts";
import { identityOf } from "./reviews.ts";
import { readSmallBody } from "./small-body.ts";
import type { Subject } from "./status.ts";

export interface LoginRoutesOptions {
  readonly login: Login;
  readonly browser: BrowserRules;
  readonly authorizer: Authorizer;
  readonly store: Store;
  readonly clock: Clock;
}

/** A path of logging in. `open`: for everybody; `known`: for whoever has shown who they are; what others' things need beside that is looked at where it is served. */
export interface LoginRoute {
  readonly access: "open" | "known";
  /** True: it writes an object, so the audit is told as of any other write. Logging in tells of itself. */
  readonly isWrite?: boolean;
  readonly subject: Subject;
  readonly resource: string;
  readonly serve: (exchange: Exchange) => Promise<Reply> | Reply;
}

const text = z.string().max(2_000);
const label = z.string().max(200);
/** For the command line: a token instead of a session. */
const token = z.strictObject({ ttl: duration, label: label.optional() }).optional();
const loginBody = z.union([z.strictObject({ user: text, password: z.string().max(10_000), token }), z.strictObject({ link: text, token })]);
const linkBody = z.strictObject({ user: text.optional(), display: z.strictObject({ label: label.optional(), lifetime: duration }).optional() });
const scope = z
  .array(z.strictObject({ role: z.string().max(253), where: labelSelector.optional() }))
  .min(1)
  .max(50);
const tokenBody = z.strictObject({ user: text.optional(), ttl: duration, label: label.optional(), scope: scope.optional() });
const passwordBody = z.strictObject({ password: z.string().max(10_000), current: z.string().max(10_000).optional() });
/** `browser`: as the browser says. */
const ownBody = z.strictObject({ language: z.enum(["en", "zh", "browser"]) });
const nothing = z.looseObject({});

/** Logging in and out, and what somebody has to do with their own sessions, tokens and password; for others' too, who may manage users. */
export class LoginRoutes {
  readonly #options: LoginRoutesOptions;
  readonly #provider: ProviderRoutes;

  constructor(options: LoginRoutesOptions) {
    this.#options = options;
    this.#provider = new ProviderRoutes({ ...options, visitor: (exchange) => this.#visitor(exchange) });
  }

  /** The route of a path; `undefined`: none of these.
   *  @throws api/method */
  find(method: string, path: readonly string[]): LoginRoute | undefined {
    const [root = "", name, part] = path;
    const is = (...words: readonly (string | undefined)[]): boolean =>
      words.length === path.length && words.every((word, index) => word === undefined || word === path[index]);
    const route = (methods: Readonly<Record<string, LoginRoute["serve"]>>, access: LoginRoute["access"] = "known"): LoginRoute => {
      checkMethod(method, [...Object.keys(methods), ...("GET" in methods ? ["HEAD"] : [])], atPath(method, path));
      const wanted = method === "HEAD" ? "GET" : method;
      const verb = { GET: "get", POST: "post", PATCH: "patch", DELETE: "delete" }[wanted] ?? wanted;
      return { access, subject: { verb }, resource: `/${root}`, serve: methods[wanted] as LoginRoute["serve"] };
    };
    if (is("login")) return route({ GET: () => this.#ways(), POST: (exchange) => this.#login(exchange) }, "open");
    if (is("login", "provider")) return route({ GET: (exchange) => this.#provider.begin(exchange) }, "open");
    if (is("login", "callback")) return route({ GET: (exchange) => this.#provider.finish(exchange) }, "open");
    if (is("logout")) return route({ POST: (exchange) => this.#logout(exchange) });
    if (is("me")) {
      const own = route({ GET: (exchange) => this.#me(exchange), PATCH: (exchange) => this.#setOwn(exchange) });
      return { ...own, isWrite: method === "PATCH" };
    }
    if (is("me", "input")) return route({ POST: (exchange) => this.#input(exchange) });
    if (is("sessions")) return route({ GET: (exchange) => this.#sessions(exchange) });
    if (is("sessions", undefined)) return route({ DELETE: (exchange) => this.#endSession(exchange, name ?? "") });
    if (is("tokens")) return route({ GET: (exchange) => this.#tokens(exchange), POST: (exchange) => this.#makeToken(exchange) });
    if (is("tokens", undefined)) return route({ DELETE: (exchange) => this.#endToken(exchange, name ?? "") });
    if (is("login-links")) return route({ POST: (exchange) => this.#makeLink(exchange) });
    if (is("users", undefined, "rules") && part === "rules") return route({ GET: (exchange) => this.#rulesOf(exchange, name ?? "") });
    if (is("users", undefined, "password") && part === "password") return route({ POST: (exchange) => this.#setPassword(exchange, name ?? "") });
    return undefined;
  }

  /** How somebody may log in, for the page that asks. */
  #ways(): Reply {
    const { login } = this.#options;
    const provider = login.provider();
    return private_(
      jsonReply({ hasPasswords: login.hasPasswords, ...(provider !== undefined && { provider: { ...provider, path: "/login/provider" } }) }),
    );
  }

  async #login(exchange: Exchange): Promise<Reply> {
    const { login, browser } = this.#options;
    checkOrigin(exchange.request, browser);
    const given = await readSmallBody(exchange, loginBody);
    const visitor = this.#visitor(exchange);
    const made = "link" in given ? await login.byLink(given.link, visitor) : await login.byPassword(given, visitor);
    if (given.token === undefined) return private_(jsonReply({ secret: made.secret, ...this.#self(made.who) }), this.#cookies(exchange, made));
    try {
      if (made.who.scope !== undefined)
        throw new OrreryError("login/link", "a link for a display opens a page, and gives no token; make another with: orrery login-link");
      const { ttl, label: name } = given.token;
      const { token: text, view } = await login.makeToken({
        ...{ user: made.who.name, by: made.who, ttlMs: durationMs(ttl), ...addressOf(exchange) },
        ...(name !== undefined && { label: name }),
      });
      return private_(jsonReply({ token: text, ...view }));
    } finally {
      await login.endSession(made.who.credential ?? "", made.who, { why: "logout" });
    }
  }

  #cookies({ request }: Exchange, { cookie, known }: NewSession): readonly string[] {
    const { browser } = this.#options;
    const change = { name: cookieName(browser, request), isSecure: isSecure(request, browser) };
    return [sessionCookie({ ...change, value: cookie }), ...(known === undefined ? [] : [knownCookie({ ...change, value: known })])];
  }

  async #logout(exchange: Exchange): Promise<Reply> {
    const { login, browser } = this.#options;
    const { user: who, request } = exchange;
    await readSmallBody(exchange, nothing);
    if (who.via === "session") await login.endSession(who.credential ?? "", who, { why: "logout" });
    if (who.via === "token") await login.endToken(who.credential ?? "", who);
    return private_(jsonReply({}), [sessionCookie({ name: cookieName(browser, request), isSecure: isSecure(request, browser) })]);
  }

  #me({ user }: Exchange): Reply {
    return private_(jsonReply(this.#self(user)));
  }

  #self(who: Identity): object {
    const { login, authorizer } = this.#options;
    return { ...login.me(who), rules: authorizer.rules(who) };
  }

  /** What of a User is the person's own to choose, without a right for Users.
   *  @throws api/missing: the machine's admin is no User */
  async #setOwn(exchange: Exchange): Promise<Reply> {
    const { store } = this.#options;
    const { user: who, trail } = exchange;
    checkWhole(who);
    const { language } = await readSmallBody(exchange, ownBody);
    const object = who.uid === undefined ? undefined : await store.get(userKind, { name: who.name });
    if (object === undefined || object.metadata.uid !== who.uid)
      throw new OrreryError("api/missing", `${who.name.slice(0, 100)} is no user of this site: what they choose is kept in their browser alone`);
    const body = { spec: { language: language === "browser" ? null : language } };
    await store.patch(userKind, { name: who.name }, { type: "merge", body }, trail.intending(userKind, {}));
    return jsonReply({ language });
  }

  /** All that a user may do, by roles and groups of the site: groups that a provider tells at a login are not known before it.
   *  @throws api/missing; api/forbidden */
  async #rulesOf(exchange: Exchange, name: string): Promise<Reply> {
    const { store, authorizer } = this.#options;
    const { user: who } = exchange;
    if (name === who.name) return private_(jsonReply({ user: name, rules: authorizer.rules(who) }));
    if (!this.#mayManage(who))
      throw new OrreryError("api/forbidden", `forbidden: user ${who.name} may not manage users, and so sees their own rights alone`);
    const object = await store.get(userKind, { name });
    if (object === undefined) throw new OrreryError("api/missing", `there is no user ${name.slice(0, 100)}; see them with: orrery user list`);
    authorizer.checkAction(who, "manage-users", object);
    return private_(jsonReply({ user: name, rules: authorizer.rules(identityOf(object)) }));
  }

  async #input(exchange: Exchange): Promise<Reply> {
    await readSmallBody(exchange, nothing);
    this.#options.login.touch(exchange.user);
    return jsonReply({});
  }

  #sessions(exchange: Exchange): Reply {
    return jsonReply({ items: this.#options.login.sessions(this.#whose(exchange)) });
  }

  async #endSession(exchange: Exchange, id: string): Promise<Reply> {
    const who = exchange.user;
    checkWhole(who);
    const isDone = await this.#options.login.endSession(id, who, { ...this.#limitOf(who), ...reasonOf(exchange, who.name) });
    if (!isDone) throw new OrreryError("api/missing", `there is no session ${id.slice(0, 100)}; see them with: orrery session list`);
    return jsonReply({});
  }

  #tokens(exchange: Exchange): Reply {
    return jsonReply({ items: this.#options.login.tokens(this.#whose(exchange)) });
  }

  async #makeToken(exchange: Exchange): Promise<Reply> {
    const who = exchange.user;
    const given = await readSmallBody(exchange, tokenBody);
    const owner = given.user ?? who.name;
    if (owner !== who.name) await this.#checkActsFor(who, owner);
    checkWhole(who);
    await this.#checkRolesKnown(given.scope ?? []);
    const { token, view } = await this.#options.login.makeToken({
      user: owner,
      by: who,
      ttlMs: durationMs(given.ttl),
      ...(given.label !== undefined && { label: given.label }),
      ...(given.scope !== undefined && {
        scope: given.scope.map(({ role, where }) => (where === undefined ? { role } : { role, where })),
      }),
      ...reasonOf(exchange, owner),
      ...addressOf(exchange),
    });
    return private_(jsonReply({ token, ...view }, 201));
  }

  /** A token within a role that there is not may do nothing, until somebody makes one of that name.
   *  @throws api/bad-request */
  async #checkRolesKnown(grants: readonly { readonly role: string }[]): Promise<void> {
    for (const [index, { role }] of grants.entries())
      if (!BUILT_IN_ROLES.has(role) && (await this.#options.store.get(roleKind, { name: role })) === undefined)
        throw new OrreryError("api/bad-request", `scope[${index}].role: there is no role ${role.slice(0, 100)}; see them with: orrery role list`);
  }

  async #endToken(exchange: Exchange, id: string): Promise<Reply> {
    const who = exchange.user;
    checkWhole(who);
    const isDone = await this.#options.login.endToken(id, who, { ...this.#limitOf(who), ...reasonOf(exchange, who.name) });
    if (!isDone) throw new OrreryError("api/missing", `there is no token ${id.slice(0, 100)}; see them with: orrery token list`);
    return jsonReply({});
  }

  async #makeLink(exchange: Exchange): Promise<Reply> {
    const who = exchange.user;
    checkWhole(who);
    const { display, user: named } = await readSmallBody(exchange, linkBody);
    if (who.via === "token")
      throw new OrreryError("api/forbidden", "forbidden: a token makes no links: what they open could outlive it; log in, and make it then");
    const owner = named ?? (who.via === "machine" ? undefined : who.name);
    if (owner !== who.name) await this.#checkActsFor(who, owner ?? "admin");
    const made = await this.#options.login.makeLink({
      by: who,
      ...(owner !== undefined && { user: owner }),
      ...(display !== undefined && {
        display: { lifetimeMs: durationMs(display.lifetime), ...(display.label !== undefined && { label: display.label }) },
      }),
      ...reasonOf(exchange, owner ?? "admin"),
      ...addressOf(exchange),
    });
    return private_(jsonReply(made, 201));
  }

  async #setPassword(exchange: Exchange, owner: string): Promise<Reply> {
    const who = exchange.user;
    checkWhole(who);
    const { password, current } = await readSmallBody(exchange, passwordBody);
    const isOwn = owner === who.name && who.via !== "machine";
    if (!isOwn) await this.#checkActsFor(who, owner);
    // Whoever sits at a browser that somebody left open does not take it over.
    else if (current === undefined) throw new OrreryError("api/bad-request", "current: your present password is missing");
    await this.#options.login.setPassword({
      user: owner,
      password,
      by: who,
      visitor: this.#visitor(exchange),
      ...reasonOf(exchange, owner),
      ...(isOwn && current !== undefined && { current }),
    });
    return private_(jsonReply({}));
  }

  /** Whose things are asked for: one's own, or, of who manages users, those of whom the query names.
   *  @throws api/forbidden */
  #whose({ user: who, query }: Exchange): string | undefined {
    const named = query.get("user");
    if (named === null || named === who.name) return who.name;
    if (!this.#mayManage(who))
      throw new OrreryError("api/forbidden", `forbidden: user ${who.name} may not manage users, and so sees their own alone`);
    return named === "*" ? undefined : named;
  }

  /** Whose things `who` may end. */
  #limitOf(who: Identity): { readonly of?: string } {
    return this.#mayManage(who) ? {} : { of: who.name };
  }

  #mayManage(who: Identity): boolean {
    return this.#options.authorizer.decide(who, { verb: "manage-users", group: API_GROUP, resource: "users" }).allowed;
  }

  /** Whoever can log in as another has the rights of that one: they must have them already.
   *  @throws api/forbidden */
  async #checkActsFor(who: Identity, name: string): Promise<void> {
    if (who.via === "machine" && this.#mayManage(who)) return;
    const object = await this.#options.store.get(userKind, { name });
    // The admin of the machine is no User: the machine alone lets somebody in as that one.
    if (object === undefined || who.via === "machine")
      throw new OrreryError(
        "api/forbidden",
        `forbidden: user ${who.name} may not act for ${name.slice(0, 100)}${object === undefined ? ", who is no user of this site" : ""}`,
      );
    this.#options.authorizer.checkManages(who, object);
  }

  #visitor(exchange: Exchange): Visitor {
    const { request } = exchange;
    const agent = headerOf(request, "user-agent");
    const known = cookieOf(request, `${cookieName(this.#options.browser, request)}-known`);
    return { address: "unknown", ...addressOf(exchange), ...(agent !== undefined && { agent }), ...(known !== undefined && { known }) };
  }
}

/** What is limited (a display, a token with a scope) gives nothing that is not, and takes nothing away.
 *  @throws api/forbidden */
function checkWhole({ name, scope }: Identity): void {
  if (scope !== undefined)
    throw new OrreryError(
      "api/forbidden",
      `forbidden: what is limited, as a display is, does nothing with sessions, tokens and passwords of user ${name}; log in for that`,
    );
}

/** Why it is done; of another's things a site may demand that it is said.
 *  @throws audit/no-reason */
function reasonOf({ trail, user }: Exchange, owner: string): { readonly reason?: string } {
  const reason = trail.whyOf(owner === user.name ? "" : "manage-users");
  return reason === undefined ? {} : { reason };
}

function addressOf({ address }: Exchange): { readonly address?: string } {
  return address === undefined ? {} : { address };
}

/** Kept by no cache and no history. */
function private_(reply: Reply, cookies: readonly string[] = []): Reply {
  const headers: Record<string, string | string[]> = { "cache-control": "no-store" };
  if (cookies.length > 0) headers["set-cookie"] = [...cookies];
  return "text" in reply ? { ...reply, headers } : reply;
}
