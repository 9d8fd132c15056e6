import type { ReactNode } from "react";

/** 16 px, one line of 1.4 px, drawn for this console; by the id of a page or a command. */
const PATHS: Readonly<Record<string, ReactNode>> = {
  overview: <path d="M2 12.5h3V8H2zM6.5 12.5h3v-9h-3zM11 12.5h3V6h-3z" />,
  updates: <path d="M2 4.5h8M2 8h5M2 11.5h9M11 2v12" />,
  services: <path d="M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z" />,
  alarms: <path d="M8 2 14 13.5H2zM8 6.5v3M8 11.4v.3" />,
  monitoring: <path d="M2 2v12h12M4.5 10.500 7 6.500l2.500 2.500L13 4" />,
  topology: <path d="M2 3.5h4v3H2zM10 2h4v3h-4zM10 11h4v3h-4zM6 5l4-1.5M4 6.5 10 12.5" />,
  calls: <path d="M2 5h10M9 2l3 3-3 3M14 11H4M7 8l-3 3 3 3" />,
  events: <path d="M3 3.5h2M3 8h2M3 12.500h2M7.500 3.500h6M7.500 8h6M7.500 12.500h4" />,
  logs: <path d="M2.5 3.5h11M2.5 6.5h7M2.5 9.5h11M2.5 12.5h5" />,
  routes: <path d="M2 8h4l3-4.5h5M6 8l3 4.5h5" />,
  gateways: <path d="M3 14V5l5-3 5 3v9M6.5 14V9h3v5" />,
  hosts: <path d="M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.2M5 11h.2" />,
  resources: <path d="M8 2l5.5 3v6L8 14l-5.5-3V5zM8 8v6M8 8l5.5-3M8 8 2.5 5" />,
  users: <path d="M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM2.8 14c.5-3 2.5-4.2 5.2-4.2s4.7 1.2 5.2 4.2" />,
  approvals: <path d="M2.5 8.5 5 11l4-5M7.500 9.800 8.700 11l4.800-6" />,
  settings: (
    <path d="M2 4.500h7M12.500 4.500H14M2 11.500h1.500M7 11.500h7M10.700 6.200a1.700 1.700 0 1 0 0-3.4 1.700 1.700 0 0 0 0 3.400zM5.300 13.200a1.700 1.700 0 1 0 0-3.4 1.700 1.700 0 0 0 0 3.400z" />
  ),
  audit: <path d="M3.5 2.500h9v11h-9zM6 5.500h4M6 8h4M6 10.500h2" />,
  system: (
    <path d="M8 10.300a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.600zM8 2v1.800M8 12.200V14M2 8h1.800M12.2 8H14M3.8 3.800l1.2 1.200M11 11l1.2 1.200M12.2 3.8 11 5M5 11l-1.2 1.2" />
  ),
  search: <path d="M7 11.500a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 14 14" />,
  menu: <path d="M2 4h12M2 8h12M2 12h12" />,
  fold: <path d="M10 3 5 8l5 5" />,
  unfold: <path d="m6 3 5 5-5 5" />,
  close: <path d="m3.5 3.5 9 9M12.5 3.500l-9 9" />,
  person: <path d="M8 7.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 13.500c.4-2.6 2.3-3.8 5-3.800s4.6 1.2 5 3.8" />,
  up: <path d="m4 10 4-4 4 4" />,
  down: <path d="m4 6 4 4 4-4" />,
  play: <path d="M5 3v10l8-5z" />,
  pause: <path d="M5 3v10M11 3v10" />,
};

export function Icon({ name }: { readonly name: string }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
      focusable="false"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinejoin="round"
      strokeLinecap="round"
    >
      {PATHS[name] ?? <circle cx="8" cy="8" r="4.5" />}
    </svg>
  );
}
