import { isOrreryError } from "#/base/index.ts";
import type { Client } from "#/state/client/index.ts";

/** One observation from the centre's memory. */
export interface LiveEntry {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** RFC 3339. */
  readonly observedAt: string;
  readonly observedBy: string;
}

/** What the centre knows under a topic; empty where it knows nothing (yet). */
export async function loadLive(api: Client, topic: string): Promise<readonly LiveEntry[]> {
  try {
    return ((await api.request({ path: `/live/${topic}` })).body as { readonly items: readonly LiveEntry[] }).items;
  } catch (error) {
    // A topic that nobody has written to yet.
    if (isOrreryError(error, "api/missing") || isOrreryError(error, "store/missing")) return [];
    throw error;
  }
}
