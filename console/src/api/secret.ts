/** This page's half of a session, and word of its end. */
import { Notice } from "./notice.ts";

export const SECRET_KEY = "orrery.session";

/** Why the session has ended; set by whoever hears it first. */
export const sessionEnd: Notice<string | undefined> = new Notice<string | undefined>(undefined);

export function readSecret(): string | undefined {
  return localStorage.getItem(SECRET_KEY) ?? undefined;
}

export function keepSecret(secret: string | undefined): void {
  if (secret === undefined) localStorage.removeItem(SECRET_KEY);
  else localStorage.setItem(SECRET_KEY, secret);
}
