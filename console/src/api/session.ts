/** Who is logged in, in this browser. A session is two halves: a cookie that scripts cannot read, and a secret that stands in this origin's storage and goes with each request. Either is worth nothing alone. */
import { Notice } from "./notice.ts";
import { ApiError, send } from "./request.ts";
import { keepSecret, readSecret, SECRET_KEY, sessionEnd } from "./secret.ts";
import { reasonOfEnd } from "./session-end.ts";

/** What one may do; the API refuses all the same. */
export interface Rules {
  /** By which roles, each for which objects, and by which group. */
  readonly roles?: readonly { readonly role: string; readonly where?: string; readonly group?: string }[];
  readonly resources: readonly {
    readonly verbs: readonly string[];
    readonly groups: readonly string[];
    readonly resources: readonly string[];
    readonly names?: readonly string[];
    readonly where?: string;
  }[];
  readonly paths: readonly { readonly verbs: readonly string[]; readonly paths: readonly string[] }[];
  readonly actions: readonly { readonly actions: readonly string[]; readonly where?: string }[];
}

export interface Me {
  readonly name: string;
  readonly displayName?: string;
  readonly language?: string;
  readonly groups: readonly string[];
  readonly rules?: Rules;
  /** Times are RFC 3339. */
  readonly session?: { readonly id: string; readonly expires: string; readonly idleAt?: string; readonly isDisplay: boolean };
}

export type SessionState =
  | { readonly is: "unknown" }
  /** `hasEnded`: there was a session, and it has; `why`, if that is known. */
  | { readonly is: "out"; readonly hasEnded?: true; readonly why?: string }
  /** Whether somebody is logged in cannot be found out now: it is tried again. */
  | { readonly is: "unreachable"; readonly why: string }
  | { readonly is: "in"; readonly me: Me };

const RETRY_MS = 2_000;

/** The one session of this page. Tabs of one browser share it. */
class Session extends Notice<SessionState> {
  constructor() {
    super({ is: "unknown" });
    sessionEnd.subscribe(() => {
      if (sessionEnd.value !== undefined) this.end(sessionEnd.value);
    });
    // Another tab has logged in or out.
    addEventListener("storage", (event) => {
      if (event.key === SECRET_KEY) void this.restore();
    });
  }

  get me(): Me | undefined {
    return this.value.is === "in" ? this.value.me : undefined;
  }

  /** Finds out whether the secret that is kept still is one. "Cannot tell" is never taken for "no". */
  async restore(): Promise<void> {
    if (readSecret() === undefined) return this.set({ is: "out" });
    try {
      this.set({ is: "in", me: await send<Me>({ path: "/me" }) });
    } catch (error) {
      if (error instanceof ApiError && error.code === 401) return this.end(error.message);
      this.set({ is: "unreachable", why: error instanceof Error ? error.message : String(error) });
      setTimeout(() => {
        if (this.value.is === "unreachable") void this.restore();
      }, RETRY_MS);
    }
  }

  /** @throws ApiError: refused, or not reachable */
  async login(given: { readonly user: string; readonly password: string } | { readonly link: string }): Promise<void> {
    const answer = await send<Me & { readonly secret: string }>({ method: "POST", path: "/login", body: given, isOpen: true });
    const { secret, ...me } = answer;
    keepSecret(secret);
    sessionEnd.set(undefined);
    this.set({ is: "in", me });
  }

  /** Keeps the language with the person's User, so that other browsers speak it, too. Who is no User, and a display, has it in this browser alone.
   *  @throws ApiError: it could not be kept there */
  async keepLanguage(language: "en" | "zh"): Promise<void> {
    const { me } = this;
    if (me === undefined || me.language === language || !isUser(me) || me.session?.isDisplay === true) return;
    await send({ method: "PATCH", path: "/me", body: { language } });
    if (this.me?.name === me.name) this.set({ is: "in", me: { ...this.me, language } });
  }

  async logout(): Promise<void> {
    await send({ method: "POST", path: "/logout", body: {} }).catch(() => undefined);
    keepSecret(undefined);
    this.set({ is: "out" });
  }

  /** The server has said that the session is over. */
  end(why: string): void {
    keepSecret(undefined);
    const reason = reasonOfEnd(why);
    if (this.value.is !== "out") this.set({ is: "out", hasEnded: true, ...(reason !== undefined && { why: reason }) });
  }
}

/** Groups of the platform are given by the machine's tokens alone: who has one is its admin, and no User. */
export function isUser(me: Me): boolean {
  return !me.groups.some((group) => group.startsWith("orrery:"));
}

export const session: Session = new Session();

const INPUT_MS = 60_000;

/** Tells the server, at most once a minute, that a person is there: what a page asks for by itself keeps no session alive. Returns what stops it. */
export function tellInput(): () => void {
  let toldMs = 0;
  const onInput = (): void => {
    if (Date.now() - toldMs < INPUT_MS) return;
    toldMs = Date.now();
    void send({ method: "POST", path: "/me/input", body: {} }).catch(() => undefined);
  };
  const kinds = ["pointerdown", "keydown", "wheel", "touchstart"] as const;
  for (const kind of kinds) addEventListener(kind, onInput, { passive: true, capture: true });
  return () => {
    for (const kind of kinds) removeEventListener(kind, onInput, { capture: true });
  };
}

/** Whether the person may carry out `action` on some object, as far as the console knows; what it does not know it offers, and the API decides. */
export function mayAct(action: string): boolean {
  const actions = session.me?.rules?.actions;
  return actions === undefined || actions.some((rule) => rule.actions.includes("*") || rule.actions.includes(action));
}
