import type { Client } from "#/state/client/index.ts";

/** What `POST /login-links` answers. */
export interface LoginLink {
  /** Secret: whoever has it logs in as `user`. */
  readonly link: string;
  readonly user: string;
  /** RFC 3339. */
  readonly expires: string;
}

/** Makes a link that logs somebody in once; without a user, the machine's admin. */
export async function makeLoginLink(api: Client, body: object = {}): Promise<LoginLink> {
  return (await api.request({ method: "POST", path: "/login-links", body })).body as LoginLink;
}

/** Where a browser uses it. Behind `#`: no browser sends that to a server, nor writes it into a referrer. */
export function loginUrl(console: string, link: string): string {
  return `${console}#link=${link}`;
}
