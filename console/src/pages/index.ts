/** Every page of the console, in the order of the rail. A page is a folder beside this file, loaded when it is first looked at: docs/recipes/add-a-page.md. */
import type { ComponentType } from "react";

/** As people think: what is now, then what there is. */
export const GROUPS = ["now", "services", "gateway", "things", "platform", "access"] as const;
export type Group = (typeof GROUPS)[number];

export interface PageEntry {
  /** Of its texts, too: `pages.<id>` of texts/<language>/frame.json is its title. */
  readonly id: string;
  readonly group: Group;
  /** Below /console. */
  readonly path: string;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
  /** Letter that leads here after `g`. */
  readonly key?: string;
  /** Shown in turn on a wall. */
  readonly isForWall?: boolean;
}

export const PAGES: readonly PageEntry[] = [
  { id: "overview", group: "now", path: "/", load: () => import("./overview/Overview.tsx"), key: "o", isForWall: true },
  { id: "alarms", group: "now", path: "/alarms", load: () => import("./alarms/Alarms.tsx"), key: "b", isForWall: true },
  { id: "monitoring", group: "now", path: "/monitoring", load: () => import("./monitoring/Monitoring.tsx"), key: "x", isForWall: true },
  { id: "updates", group: "now", path: "/updates", load: () => import("./updates/Updates.tsx"), key: "u", isForWall: true },
  { id: "services", group: "services", path: "/services", load: () => import("./services/Services.tsx"), key: "s", isForWall: true },
  { id: "topology", group: "services", path: "/topology", load: () => import("./topology/Topology.tsx"), key: "t", isForWall: true },
  { id: "calls", group: "services", path: "/calls", load: () => import("./calls/Calls.tsx"), key: "c" },
  { id: "logs", group: "services", path: "/logs", load: () => import("./logs/Logs.tsx"), key: "l" },
  { id: "events", group: "services", path: "/events", load: () => import("./events/Events.tsx"), key: "e" },
  { id: "gateways", group: "gateway", path: "/gateways", load: () => import("./gateways/Gateways.tsx"), key: "n" },
  { id: "routes", group: "gateway", path: "/routes", load: () => import("./routes/Routes.tsx"), key: "r" },
  { id: "resources", group: "things", path: "/resources", load: () => import("./resources/Resources.tsx"), key: "p", isForWall: true },
  { id: "hosts", group: "platform", path: "/hosts", load: () => import("./hosts/Hosts.tsx"), key: "h" },
  { id: "system", group: "platform", path: "/system", load: () => import("./system/System.tsx"), key: "y" },
  { id: "users", group: "access", path: "/users", load: () => import("./users/Users.tsx"), key: "w" },
  { id: "approvals", group: "access", path: "/approvals", load: () => import("./approvals/Approvals.tsx"), key: "v" },
  { id: "audit", group: "access", path: "/audit", load: () => import("./audit/Audit.tsx"), key: "a" },
  { id: "settings", group: "access", path: "/settings", load: () => import("./settings/Settings.tsx"), key: "m" },
];

/** The page of a path; a path below a page's belongs to it. */
export function findPage(path: string): PageEntry | undefined {
  const exact = path.length > 1 ? path.replace(/\/+$/, "") : path;
  return PAGES.find((page) => page.path === exact) ?? PAGES.find((page) => page.path !== "/" && exact.startsWith(`${page.path}/`));
}
