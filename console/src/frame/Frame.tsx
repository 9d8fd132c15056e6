import { Component, type ComponentType, lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { useNotice, useStreamState } from "../api/live.ts";
import type { Me } from "../api/session.ts";
import { findPage, PAGES, type PageEntry } from "../pages/index.ts";
import { Age } from "../parts/Age.tsx";
import { useTexts } from "../texts/index.ts";
import { loadAhead } from "./ahead.ts";
import { Bar } from "./Bar.tsx";
import { newAlarms } from "./bell.ts";
import "./frame.css";
import "../parts/tools.css";
import { Keys } from "./Keys.tsx";
import { startKeys } from "./keys.ts";
import { usePlace } from "./location.ts";
import { isRailFolded, isWall } from "./look.ts";
import { Palette } from "./Palette.tsx";
import { Rail } from "./Rail.tsx";
import { useRotation } from "./rotation.ts";

const loaded = new Map<string, ComponentType>();

function pageOf(entry: PageEntry): ComponentType {
  const known = loaded.get(entry.id) ?? lazy(entry.load);
  loaded.set(entry.id, known);
  return known;
}

/** Everything around a page: rail, bar, palette; and the page. */
export default function Frame({ me }: { readonly me: Me }) {
  const t = useTexts("frame");
  const { path } = usePlace();
  const [isSheetOpen, setSheetOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [areKeysOpen, setKeysOpen] = useState(false);
  const isFolded = useNotice(isRailFolded);
  const onWall = useNotice(isWall);
  const entry = findPage(path);
  const Page = useMemo(() => (entry === undefined ? undefined : pageOf(entry)), [entry]);
  const unacknowledged = useNotice(newAlarms);
  useRotation(onWall);
  useEffect(() => startKeys({ openPalette: () => setPaletteOpen(true), openKeys: () => setKeysOpen(true) }), []);
  useEffect(loadAhead, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page that was chosen closes the sheet
  useEffect(() => setSheetOpen(false), [path]);
  useEffect(() => {
    document.title = `${unacknowledged === 0 ? "" : `(${unacknowledged}) `}${entry === undefined ? "" : `${t(`pages.${entry.id}`)} · `}Orrery`;
  }, [entry, t, unacknowledged]);
  return (
    <div className="frame" data-rail={onWall ? "none" : isFolded ? "folded" : "open"} data-sheet={isSheetOpen ? "" : undefined}>
      <a className="skip" href="#page">
        {t("skip")}
      </a>
      {!onWall && <Rail current={entry?.id} onClose={() => setSheetOpen(false)} />}
      {isSheetOpen && <button type="button" className="sheet-shade" aria-label={t("closeMenu")} onClick={() => setSheetOpen(false)} />}
      <Bar me={me} onMenu={() => setSheetOpen(true)} onSearch={() => setPaletteOpen(true)} />
      <main id="page" tabIndex={-1}>
        <CutOff />
        <Broken key={entry?.id} title={t("broken")} next={t("brokenNext")}>
          <Suspense fallback={<div className="page" aria-busy="true" />}>
            {Page === undefined ? (
              <div className="page">
                <h1>{t("noPage")}</h1>
                <p className="quiet">{t("noPageNext")}</p>
              </div>
            ) : (
              <Page />
            )}
          </Suspense>
        </Broken>
      </main>
      {isPaletteOpen && <Palette pages={PAGES} onKeys={() => setKeysOpen(true)} onClose={() => setPaletteOpen(false)} />}
      {areKeysOpen && <Keys pages={PAGES} onClose={() => setKeysOpen(false)} />}
    </div>
  );
}

/** Said within three seconds of the last thing that was heard. */
function CutOff() {
  const state = useStreamState();
  const t = useTexts("frame");
  if (state.is !== "cut") return null;
  return (
    <p className="cut-off" role="alert">
      <span>
        {t("cutOff")} <Age at={state.sinceMs} />
      </span>
      <span className="quiet">{state.why ?? t("cutOffNext")}</span>
    </p>
  );
}

interface BrokenProps {
  readonly title: string;
  readonly next: string;
  readonly children: ReactNode;
}

/** A page that fails takes nothing else with it. */
class Broken extends Component<BrokenProps, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: Error): { readonly error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div className="page">
        <div className="page-state" role="alert">
          <h1>{this.props.title}</h1>
          <p className="mono small">{error.message}</p>
          <p className="quiet">{this.props.next}</p>
          <p>
            <button type="button" className="button" onClick={() => location.reload()}>
              ↻
            </button>
          </p>
        </div>
      </div>
    );
  }
}
