import { useEffect, useRef, useState } from "react";
import type { OverviewRow } from "../../../src/face/views/protocol.ts";
import { useNotice, useObject, useView } from "../api/live.ts";
import { type Me, session } from "../api/session.ts";
import { Age } from "../parts/Age.tsx";
import { ALARM_SEVERITIES, type AlarmCounts, shapeOf, sumOf } from "../parts/alarm-counts.ts";
import { Clock } from "../parts/Clock.tsx";
import { Shape } from "../parts/State.tsx";
import { useAlarmCounts } from "../parts/useAlarmCounts.ts";
import { currentLanguage, LANGUAGES, useTexts } from "../texts/index.ts";
import { isLoud, newAlarms, ring } from "./bell.ts";
import { Guard } from "./Guard.tsx";
import { Icon } from "./icons.tsx";
import { chooseLanguage } from "./language.ts";
import { linkTo } from "./location.ts";
import { isWall, type Theme, theme } from "./look.ts";
import type { SiteObject } from "./site.ts";

interface BarProps {
  readonly me: Me;
  readonly onMenu: () => void;
  readonly onSearch: () => void;
}

/** Site, generation, what is wrong, search, time, person: the same on every page. */
export function Bar({ me, onMenu, onSearch }: BarProps) {
  const t = useTexts("frame");
  return (
    <header className="bar">
      <button type="button" className="button is-bare bar-menu" aria-label={t("menu")} onClick={onMenu}>
        <Icon name="menu" />
      </button>
      <Guard of="part">
        <SiteState />
      </Guard>
      <Guard of="part">
        <NewAlarms />
      </Guard>
      <Guard of="part">
        <Counts />
      </Guard>
      <button type="button" className="bar-search" onClick={onSearch}>
        <Icon name="search" />
        <span>{t("search")}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <Guard of="part">
        <Clock />
      </Guard>
      <Guard of="part">
        <Person me={me} />
      </Guard>
    </header>
  );
}

/** `g 42 · settled`, `g 43 · draining 12 s`. */
function SiteState() {
  const t = useTexts("frame");
  const { object, isStale, isLoading } = useObject<SiteObject>("sites", "site", "default");
  const status = object?.status;
  const settled = status?.conditions?.find(({ type }) => type === "Settled");
  const alone = status?.conditions?.find(({ type, status: is }) => type === "BrokenGlass" && is === "True");
  const isSettled = settled?.reason === "Settled";
  const generation = status?.stamp?.ramp?.to ?? status?.stamp?.hold?.to ?? status?.stamp?.generation;
  return (
    <>
      <a className={`bar-site clip${isStale ? " is-stale" : ""}`} {...linkTo("/updates")}>
        <b className="clip">{object?.spec.displayName ?? object?.metadata.name ?? (isLoading ? "…" : location.host)}</b>
        {generation !== undefined && (
          <span className="bar-generation" title={settled?.message}>
            <Shape
              severity={settled === undefined ? "unknown" : isSettled ? "normal" : settled.reason === "RevisionsRefused" ? "minor" : "changing"}
            />
            <span>g&#8201;{generation}</span>
            <span className="bar-phase">
              · {settled === undefined ? t("unknown") : isSettled ? t("settled") : t(`phases.${settled.reason}`, { defaultValue: settled.reason })}
            </span>
            {settled !== undefined && !isSettled && settled.lastTransitionTime !== undefined && <Age at={Date.parse(settled.lastTransitionTime)} />}
          </span>
        )}
      </a>
      {alone !== undefined && (
        <a className="bar-alone" aria-label={t("doneAlone")} title={alone.message} {...linkTo("/approvals")}>
          <Shape severity="major" /> <span className="clip">{t("doneAlone")}</span>
        </a>
      )}
    </>
  );
}

/** How many alarms nobody has acknowledged, the critical ones first; a new one is heard, where that is wished. */
function NewAlarms() {
  const t = useTexts("frame");
  const alarms = useTexts("alarms");
  const { unacknowledged, isStale, isLoading, hasFailed } = useAlarmCounts();
  const count = sumOf(unacknowledged);
  const former = useRef<AlarmCounts>(undefined);
  useEffect(() => {
    if (isLoading || hasFailed) return;
    const before = former.current;
    // One that got worse is new, too, though there are as many as before.
    if (before !== undefined && isLoud.value && ALARM_SEVERITIES.some((severity) => unacknowledged[severity] > before[severity])) ring();
    former.current = unacknowledged;
    newAlarms.set(count);
  });
  if (count === 0) return null;
  const told = ALARM_SEVERITIES.filter((severity) => unacknowledged[severity] > 0);
  return (
    <a className={`bar-alone bar-new${isStale ? " is-stale" : ""}`} title={t("newAlarms", { count })} {...linkTo("/alarms")}>
      <Icon name="alarms" />
      <span className="only-read">{t("newAlarms", { count })}</span>
      {told.map((severity) => (
        <span key={severity} className="bar-count" title={alarms(`severities.${severity}`)}>
          <Shape severity={shapeOf(severity)} /> {unacknowledged[severity]}
          <span className="only-read">{alarms(`severities.${severity}`)}</span>
        </span>
      ))}
    </a>
  );
}

const COUNTED = ["critical", "major", "minor"] as const;

/** How much of the site is not well, worst first, as the Overview counts it; nothing is shown when all is. */
function Counts() {
  const t = useTexts("frame");
  const { rows, isStale } = useView<OverviewRow>({ of: "overview", limit: 1 });
  const layers = rows.flatMap(({ row }) => (row.type === "layer" ? [row] : []));
  const shown = COUNTED.map((severity) => ({ severity, count: layers.reduce((sum, { counts }) => sum + (counts[severity] ?? 0), 0) })).filter(
    ({ count }) => count > 0,
  );
  if (shown.length === 0) return <span className="bar-counts" />;
  return (
    <a className={`bar-counts${isStale ? " is-stale" : ""}`} {...linkTo("/")}>
      {shown.map(({ severity, count }) => (
        <span key={severity} className="bar-count" title={t(`severity.${severity}`, { count })}>
          <Shape severity={severity} /> {count}
          <span className="only-read">{t(`severity.${severity}`, { count })}</span>
        </span>
      ))}
    </a>
  );
}

const THEMES: readonly Theme[] = ["system", "dark", "light"];

function Person({ me }: { readonly me: Me }) {
  const t = useTexts("frame");
  const chosen = useNotice(theme);
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const onDown = (event: PointerEvent): void => {
      if (!(event.target instanceof Node) || box.current?.contains(event.target) !== true) setOpen(false);
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", onDown);
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("pointerdown", onDown);
      removeEventListener("keydown", onKey);
    };
  }, [isOpen]);
  const goFullScreen = (): void => {
    setOpen(false);
    isWall.set(true);
    void document.documentElement.requestFullscreen?.().catch(() => undefined);
  };
  return (
    <div className="person" ref={box}>
      <button type="button" className="button is-bare" aria-expanded={isOpen} aria-haspopup="true" onClick={() => setOpen(!isOpen)}>
        <Icon name="person" />
        <span className="person-name clip">{me.displayName ?? me.name}</span>
      </button>
      {isOpen && (
        <div className="menu" role="group" aria-label={me.name}>
          <p className="menu-head">
            <b>{me.displayName ?? me.name}</b>
            <span className="quiet small">{me.groups.join(", ")}</span>
          </p>
          <div className="menu-choice">
            <span className="quiet small">{t("theme")}</span>
            <span className="choice">
              {THEMES.map((one) => (
                <button key={one} type="button" aria-pressed={chosen === one} onClick={() => theme.set(one)}>
                  {t(`themes.${one}`)}
                </button>
              ))}
            </span>
          </div>
          <div className="menu-choice">
            <span className="quiet small">{t("language")}</span>
            <span className="choice">
              {LANGUAGES.map(({ language, name }) => (
                <button
                  key={language}
                  type="button"
                  lang={language}
                  aria-pressed={currentLanguage() === language}
                  onClick={() => void chooseLanguage(language)}
                >
                  {name}
                </button>
              ))}
            </span>
          </div>
          <a
            className="menu-item"
            href={linkTo("/settings").href}
            onClick={(event) => {
              setOpen(false);
              linkTo("/settings").onClick(event);
            }}
          >
            {t("pages.settings")}
          </a>
          <button type="button" className="menu-item" onClick={goFullScreen}>
            {t("wall")}
          </button>
          <button type="button" className="menu-item" onClick={() => void session.logout()}>
            {t("logout")}
          </button>
        </div>
      )}
    </div>
  );
}
