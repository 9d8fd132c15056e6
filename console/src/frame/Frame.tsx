import { useEffect, useState } from "react";
import { useNotice, useStreamState } from "../api/live.ts";
import type { Me } from "../api/session.ts";
import { findPage, PAGES } from "../pages/index.ts";
import { Age } from "../parts/Age.tsx";
import { Show } from "../parts/later.tsx";
import { useTexts } from "../texts/index.ts";
import { loadAhead } from "./ahead.ts";
import { Bar } from "./Bar.tsx";
import { newAlarms } from "./bell.ts";
import "./frame.css";
import "../parts/tools.css";
import { Guard } from "./Guard.tsx";
import { Keys } from "./Keys.tsx";
import { startKeys } from "./keys.ts";
import { usePlace } from "./location.ts";
import { isRailFolded, isWall } from "./look.ts";
import { Palette } from "./Palette.tsx";
import { pageOf } from "./page-parts.tsx";
import { Rail } from "./Rail.tsx";
import { useRotation } from "./rotation.ts";

const NOTHING = {};

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

  const unacknowledged = useNotice(newAlarms);
  useRotation(onWall);
  useEffect(() => startKeys({ openPalette: () => setPaletteOpen(true), openKeys: () => setKeysOpen(true) }), []);
  useEffect(loadAhead, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever came by keys goes on from the page, not from the top of all
  useEffect(() => {
    if (document.activeElement === null || document.activeElement === document.body) document.getElementById("page")?.focus({ preventScroll: true });
  }, [path]);
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
      {!onWall && (
        <Guard of="part" className="rail">
          <Rail current={entry?.id} onClose={() => setSheetOpen(false)} />
        </Guard>
      )}
      {isSheetOpen && <button type="button" className="sheet-shade" aria-label={t("closeMenu")} onClick={() => setSheetOpen(false)} />}
      <Bar me={me} onMenu={() => setSheetOpen(true)} onSearch={() => setPaletteOpen(true)} />
      <main id="page" tabIndex={-1}>
        <Guard of="part">
          <CutOff />
        </Guard>
        <Guard key={entry?.id} of="page">
          {entry === undefined ? (
            <div className="page">
              <h1>{t("noPage")}</h1>
              <p className="quiet">{t("noPageNext")}</p>
            </div>
          ) : (
            <Show of={pageOf(entry)} given={NOTHING} />
          )}
        </Guard>
      </main>
      {isPaletteOpen && (
        <Guard of="part" onClose={() => setPaletteOpen(false)}>
          <Palette pages={PAGES} onKeys={() => setKeysOpen(true)} onClose={() => setPaletteOpen(false)} />
        </Guard>
      )}
      {areKeysOpen && (
        <Guard of="part" onClose={() => setKeysOpen(false)}>
          <Keys pages={PAGES} onClose={() => setKeysOpen(false)} />
        </Guard>
      )}
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
