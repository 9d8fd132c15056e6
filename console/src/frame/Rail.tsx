import { useEffect, useRef } from "react";
import { useNotice } from "../api/live.ts";
import { GROUPS, PAGES } from "../pages/index.ts";
import { useTexts } from "../texts/index.ts";
import { loadSoon } from "./ahead.ts";
import { Icon } from "./icons.tsx";
import { linkTo } from "./location.ts";
import { isRailFolded } from "./look.ts";
import { Mark } from "./Mark.tsx";

/** Where one can go, grouped as people think. Folds to signs; on a phone it is a sheet. */
export function Rail({ current, onClose }: { readonly current: string | undefined; readonly onClose: () => void }) {
  const t = useTexts("frame");
  const isFolded = useNotice(isRailFolded);
  const nav = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where one has come by keys is seen in the rail, too
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const groups = GROUPS.map((group) => ({ group, pages: PAGES.filter((page) => page.group === group) })).filter(({ pages }) => pages.length > 0);
  return (
    <nav ref={nav} className="rail" aria-label={t("rail")}>
      <div className="rail-head">
        <a className="rail-name" {...linkTo("/")}>
          <Mark />
          <span>Orrery</span>
        </a>
        <button type="button" className="button is-bare rail-close" aria-label={t("closeMenu")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {groups.map(({ group, pages }) => (
        <div key={group} className="rail-group">
          <h3>{t(`groups.${group}`)}</h3>
          <ul>
            {pages.map((page) => (
              <li key={page.id}>
                <a
                  {...linkTo(page.path)}
                  className="rail-link"
                  onPointerEnter={() => loadSoon(page)}
                  onFocus={() => loadSoon(page)}
                  aria-current={page.id === current ? "page" : undefined}
                  title={page.key === undefined ? t(`pages.${page.id}`) : `${t(`pages.${page.id}`)} (g ${page.key})`}
                >
                  <Icon name={page.id} />
                  <span>{t(`pages.${page.id}`)}</span>
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <button
        type="button"
        className="button is-bare rail-fold"
        aria-expanded={!isFolded}
        aria-label={isFolded ? t("unfold") : t("fold")}
        onClick={() => isRailFolded.set(!isFolded)}
      >
        <Icon name={isFolded ? "unfold" : "fold"} />
        <span>{t("fold")}</span>
      </button>
    </nav>
  );
}
