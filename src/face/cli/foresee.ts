import type { Client } from "#/state/client/index.ts";
import type { ToldForecast } from "./update-forecast.ts";

/** What would come of one manifest. */
export interface ForeseenObject {
  readonly kind: string;
  readonly name: string;
  readonly outcome: "created" | "changed" | "unchanged" | "refused";
  /** A Status, where it is refused. */
  readonly refusal?: { readonly code: number; readonly message?: string };
  readonly warnings?: readonly string[];
}

/** What the centre answers to `POST /forecast`. */
export interface Foreseen {
  /** In the order of the manifests. */
  readonly objects: readonly ForeseenObject[];
  readonly updates: readonly ToldForecast[];
}

/** Asks the centre what would come of manifests that are applied together; nothing is written.
 *  @throws api/forbidden: one of them may not be written */
export async function foresee(api: Client, manifests: readonly object[], fieldManager: string): Promise<Foreseen> {
  const { body } = await api.request({
    method: "POST",
    path: "/forecast",
    query: { fieldManager, force: "true" },
    body: { kind: "List", items: manifests },
  });
  return body as Foreseen;
}
