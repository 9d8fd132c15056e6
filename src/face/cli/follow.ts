import { isOrreryError, OrreryError, sleep } from "#/base/index.ts";
import { type Client, type ClientRequest, statusError } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";
import { impatient } from "./patient-client.ts";

/** An event of a watch; `object` in the form that was asked for. */
export interface Followed<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

const AGAIN_MS = 1_000;

/** Changes after `resourceVersion`, until Ctrl-C: a watch that the server ends in time, and a centre that is away for a while, are followed on from where they ended. What can no longer be told is said in a note. */
export async function* follow<T extends { readonly metadata?: { readonly resourceVersion?: string } }>(
  { terminal, clock, signal }: CliContext,
  api: Client,
  request: Pick<ClientRequest, "path" | "query" | "accept">,
  resourceVersion: string,
): AsyncGenerator<Followed<T>, void, undefined> {
  let from: string | undefined = resourceVersion;
  let isAway = false;
  while (!signal.aborted) {
    const startMs = clock.monotonic();
    try {
      const query = {
        ...request.query,
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: from ?? (await present(impatient(api), request)),
      };
      for await (const line of api.lines({ ...request, query, signal })) {
        const event = JSON.parse(line) as {
          readonly type: Followed<T>["type"] | "BOOKMARK" | "ERROR";
          readonly object: T & { readonly code?: number };
        };
        if (isAway) terminal.progress(undefined);
        isAway = false;
        if (event.type === "ERROR") throw statusError(event.object.code ?? 500, event.object);
        from = event.object.metadata?.resourceVersion ?? from;
        if (event.type !== "BOOKMARK") yield { type: event.type, object: event.object };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isOrreryError(error, "store/gone")) {
        terminal.note("some changes are too long ago to be told; what follows is from now on");
        from = undefined;
      } else if (isOrreryError(error) && error.retry === "backoff") {
        isAway = true;
        terminal.progress("the centre does not answer; trying again; Ctrl-C ends");
      } else throw error;
    }
    // Nothing that ends at once is asked for again without a pause.
    if (clock.monotonic() - startMs < AGAIN_MS) await sleep(clock, AGAIN_MS, signal).catch(() => {});
  }
  terminal.progress(undefined);
}

async function present(api: Client, { path, query }: Pick<ClientRequest, "path" | "query">): Promise<string> {
  const { metadata } = (await api.request({ path, query: { ...query, limit: "1" } })).body as {
    readonly metadata?: { readonly resourceVersion?: string };
  };
  if (metadata?.resourceVersion === undefined) throw new OrreryError("cli/unreadable", `${path}: the answer is no list`);
  return metadata.resourceVersion;
}
