import { useEffect } from "react";
import { PAGES } from "../pages/index.ts";
import { go } from "./location.ts";

const EACH_SECONDS = 20;

/** On a wall the pages come in turn: `?wall=20` is how many seconds each stays, 0 holds the present one. */
export function useRotation(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return;
    const given = new URLSearchParams(location.search).get("wall") ?? "";
    const seconds = /^\d{1,5}$/.test(given) ? Number(given) : EACH_SECONDS;
    if (seconds === 0) return;
    const pages = PAGES.filter((page) => page.isForWall === true);
    let next = 1;
    const timer = setInterval(() => {
      const page = pages[next++ % pages.length];
      if (page !== undefined) go(`${page.path}?wall=${seconds}`, { replace: true });
    }, Math.max(5, seconds) * 1_000);
    return () => clearInterval(timer);
  }, [isOn]);
}
