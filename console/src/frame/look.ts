/** How the console looks for this person, in this browser: light or dark, dense or not, on a wall or not. */
import { Notice } from "../api/notice.ts";

export type Theme = "dark" | "light" | "system";
const THEME_KEY = "orrery.theme";
const RAIL_KEY = "orrery.rail";

const light = matchMedia("(prefers-color-scheme: light)");

function readTheme(): Theme {
  const kept = localStorage.getItem(THEME_KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export const theme: Notice<Theme> = new Notice(readTheme());
export const isRailFolded: Notice<boolean> = new Notice(localStorage.getItem(RAIL_KEY) === "folded");
/** True on a wall: no rail, large, nothing to click. */
export const isWall: Notice<boolean> = new Notice(new URLSearchParams(location.search).has("wall"));

function show(): void {
  const { dataset } = document.documentElement;
  dataset["theme"] = theme.value === "system" ? (light.matches ? "light" : "dark") : theme.value;
  if (isWall.value) dataset["wall"] = "";
  else delete dataset["wall"];
}

/** Shows what was chosen last, and follows changes. */
export function startLook(): void {
  show();
  light.addEventListener("change", show);
  isWall.subscribe(show);
  theme.subscribe(() => {
    if (theme.value === "system") localStorage.removeItem(THEME_KEY);
    else localStorage.setItem(THEME_KEY, theme.value);
    show();
  });
  isRailFolded.subscribe(() => localStorage.setItem(RAIL_KEY, isRailFolded.value ? "folded" : "open"));
}
