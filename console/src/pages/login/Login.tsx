import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError, send } from "../../api/request.ts";
import { session } from "../../api/session.ts";
import { Mark } from "../../frame/Mark.tsx";
import { currentLanguage, LANGUAGES, setLanguage, useTexts } from "../../texts/index.ts";

interface Failure {
  readonly message: string;
  /** What the person can do beside trying again. */
  readonly hint?: "link" | "wait";
}

/** As `GET /login` tells it. */
interface Provider {
  readonly name: string;
  readonly isAway: boolean;
  readonly path: string;
}

const AGAIN_MS = 5_000;

/** Where else one may log in; asked for again while that does not answer. */
function useProvider(): Provider | undefined {
  const [provider, setProvider] = useState<Provider>();
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      const told = await send<{ readonly provider?: Provider }>({ path: "/login", isOpen: true, signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
      if (told !== undefined) setProvider(told.provider);
      if (told === undefined || told.provider?.isAway === true) timer = setTimeout(() => void ask(), AGAIN_MS);
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, []);
  return provider;
}

/** Logging in by name and password, or by a one-time link whose secret stands behind the `#` of the address: browsers send that to nobody, and the page takes it away before it uses it. */
export function Login({ hasEnded, why }: { readonly hasEnded: boolean; readonly why?: string }) {
  const t = useTexts("login");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const name = useRef<HTMLInputElement>(null);
  const isStarted = useRef(false);
  const provider = useProvider();

  useEffect(() => {
    document.title = `Orrery · ${t("title")}`;
    if (isStarted.current) return;
    isStarted.current = true;
    if (!takeLink()) name.current?.focus();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: one listener, that no drawing anew takes away while the event is told
  useEffect(() => {
    addEventListener("hashchange", takeLink);
    return () => removeEventListener("hashchange", takeLink);
  }, []);

  function takeLink(): boolean {
    const link = new URLSearchParams(location.hash.slice(1)).get("link");
    if (link === null) return false;
    history.replaceState(null, "", location.pathname + location.search);
    void enter({ link });
    return true;
  }

  async function enter(given: Parameters<typeof session.login>[0]): Promise<void> {
    setBusy(true);
    setFailure(undefined);
    try {
      await session.login(given);
    } catch (error) {
      const { code, message } = error instanceof ApiError ? error : { code: 0, message: String(error) };
      setFailure({ message, ...("link" in given && code !== 0 && code !== 503 ? { hint: "link" } : code === 429 ? { hint: "wait" } : {}) });
      setPassword("");
      setBusy(false);
      name.current?.focus();
    }
  }

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void enter({ user, password });
  };

  return (
    <main className="door">
      <form className="door-box" onSubmit={submit} aria-busy={isBusy}>
        <div className="door-head">
          <Mark className="door-mark" />
          <h1>Orrery</h1>
          <p className="quiet">{location.host}</p>
        </div>
        {hasEnded && failure === undefined && (
          <p className="note is-warn" role="status">
            {why === undefined ? t("ended") : t("endedBy", { why })}
          </p>
        )}
        <label className="field">
          <span>{t("user")}</span>
          <input
            ref={name}
            className="input"
            name="username"
            autoComplete="username"
            spellCheck={false}
            autoCapitalize="none"
            required
            value={user}
            onChange={(event) => setUser(event.target.value)}
          />
        </label>
        <label className="field">
          <span>{t("password")}</span>
          <input
            className="input"
            name="password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        {failure !== undefined && (
          <p className="note is-bad" role="alert">
            {failure.message}
            {failure.hint === "link" && (
              <>
                <br />
                {t("newLink")} <code>./orrery login-link</code>
              </>
            )}
          </p>
        )}
        <button className="button is-first" type="submit" disabled={isBusy}>
          {isBusy ? t("busy") : t("submit")}
        </button>
        {provider !== undefined && (
          <div className="door-provider">
            <span className="quiet small">{t("or")}</span>
            {provider.isAway ? (
              <p className="note is-warn" role="status">
                {t("providerAway", { name: provider.name })}
              </p>
            ) : (
              <a className="button" href={`${provider.path}?to=${encodeURIComponent(location.pathname + location.search)}`}>
                {t("provider", { name: provider.name })}
              </a>
            )}
          </div>
        )}
        <p className="quiet small">
          {t("noPassword")} <code>./orrery login-link</code>
        </p>
        <div className="door-foot">
          {LANGUAGES.map(({ language, name: title }) => (
            <button
              key={language}
              type="button"
              className="button is-bare is-small"
              lang={language}
              aria-pressed={currentLanguage() === language}
              onClick={() => void setLanguage(language)}
            >
              {title}
            </button>
          ))}
        </div>
      </form>
    </main>
  );
}
