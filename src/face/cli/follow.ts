import { isOrreryError, OrreryError, sleep } from "#/base/index.ts";
import { type Client, type ClientRequest, statusError } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";
import { findAgain, impatient } from "./patient-client.ts";

/** An event of a watch; `object` in the form that was asked for. */
export interface Followed<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

/** One object of a list, in the form in which an event tells it. */
export interface ListedObject<T> {
  /** One object's for ever: another one of the same name has another. */
  readonly key: string;
  readonly version: string;
  readonly object: T;
}

export interface FollowOptions<T> {
  readonly request: Pick<ClientRequest, "path" | "query" | "accept">;
  /** The answer to `request` from which on changes are told. */
  readonly list: unknown;
  /** The objects of such an answer, or of an event. */
  readonly objectsOf: (answer: unknown) => readonly ListedObject<T>[];
}

const AGAIN_MS = 1_000;

/** Changes after `list`, until Ctrl-C: a watch that the server ends in time, and a centre that is away for a while, are followed on from where they ended. Where the changes in between can no longer be told (a centre that was started anew remembers none, nor does a store that was put back), the present state is read, and what differs from what was told is told: each changed object once, in its present state, and those that are gone. */
export async function* follow<T>(
  { terminal, clock, signal }: CliContext,
  api: Client,
  { request, list, objectsOf }: FollowOptions<T>,
): AsyncGenerator<Followed<T>, void, undefined> {
  const told = new Map(objectsOf(list).map((one) => [one.key, one]));
  let from: string | undefined = versionOf(request.path, list);
  let isAway = false;
  while (!signal.aborted) {
    const startMs = clock.monotonic();
    try {
      if (from === undefined) {
        const present = (await impatient(api).request(request)).body;
        from = versionOf(request.path, present);
        if (isAway) terminal.progress(undefined);
        isAway = false;
        yield* differences(told, objectsOf(present));
      }
      const query = { ...request.query, watch: "true", allowWatchBookmarks: "true", resourceVersion: from };
      for await (const line of api.lines({ ...request, query, signal })) {
        const event = JSON.parse(line) as {
          readonly type: Followed<T>["type"] | "BOOKMARK" | "ERROR";
          readonly object: T & { readonly code?: number; readonly metadata?: { readonly resourceVersion?: string } };
        };
        if (isAway) terminal.progress(undefined);
        isAway = false;
        if (event.type === "ERROR") throw statusError(event.object.code ?? 500, event.object);
        from = event.object.metadata?.resourceVersion ?? from;
        if (event.type === "BOOKMARK") continue;
        for (const one of objectsOf(event.object)) {
          if (event.type === "DELETED") told.delete(one.key);
          else told.set(one.key, one);
        }
        yield { type: event.type, object: event.object };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isOrreryError(error, "store/gone") || isOrreryError(error, "api/too-large-version")) from = undefined;
      else if (isOrreryError(error) && error.retry === "backoff") {
        isAway = true;
        terminal.progress("the centre does not answer; trying again; Ctrl-C ends");
        await findAgain(api);
      } else throw error;
    }
    // Nothing that ends at once is asked for again without a pause.
    if (clock.monotonic() - startMs < AGAIN_MS) await sleep(clock, AGAIN_MS, signal).catch(() => {});
  }
  terminal.progress(undefined);
}

/** What has become of `told`, which says the same as `present` afterwards. */
function differences<T>(told: Map<string, ListedObject<T>>, present: readonly ListedObject<T>[]): readonly Followed<T>[] {
  const before = new Map(told);
  told.clear();
  for (const one of present) told.set(one.key, one);
  return [
    ...[...before.values()].filter(({ key }) => !told.has(key)).map(({ object }): Followed<T> => ({ type: "DELETED", object })),
    ...present.flatMap(({ key, version, object }): Followed<T>[] => {
      const known = before.get(key);
      return known?.version === version ? [] : [{ type: known === undefined ? "ADDED" : "MODIFIED", object }];
    }),
  ];
}

function versionOf(path: string, list: unknown): string {
  const { metadata } = list as { readonly metadata?: { readonly resourceVersion?: string } };
  if (metadata?.resourceVersion === undefined) throw new OrreryError("cli/unreadable", `${path}: the answer is no list`);
  return metadata.resourceVersion;
}
