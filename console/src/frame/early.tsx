/** What is shown behind the login: it begins to be loaded while it is still found out who is here. */
import { readSecret } from "../api/secret.ts";
import type { Me } from "../api/session.ts";
import { findPage } from "../pages/index.ts";
import { Later } from "../parts/later.tsx";
import { pageOf } from "./page-parts.tsx";
import { withoutRenewal } from "./renewal.ts";

export const frame: Later<{ readonly me: Me }> = new Later(() => import("./Frame.tsx"), <div className="door" aria-busy="true" />);

/** Where nobody has logged in before, nothing is loaded beside the login. What fails is told when it is shown. */
export function loadEarly(): void {
  if (readSecret() === undefined || location.hash.startsWith("#link=")) return;
  const page = findPage(location.pathname.replace(/^\/console/, "") || "/");
  void withoutRenewal(() => Promise.all([frame.load(), page === undefined ? undefined : pageOf(page).load()])).catch(() => undefined);
}
