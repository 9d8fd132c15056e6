import { isOrreryError, sleep } from "#/base/index.ts";
import { instance } from "#/model/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import { LogMark } from "#/state/link/index.ts";
import type { CliContext } from "./context.ts";
import { objectPath } from "./kubernetes.ts";
import { impatient } from "./patient-client.ts";

/** Lines of several instances come in the order of time, as far as they are waited for: one that was quiet may come so much later. */
const LATE_MS = 10_000;
const AGAIN_MS = 500;

interface LineHead {
  readonly instance: string;
  readonly time?: string;
  readonly text?: string;
  readonly base64?: string;
}

/** The lines of `/logs` (JSON) as they come, over the time in which the centre is away: read on from where they ended, so that none comes twice and none is left out. Ends with the last of the instances that were named. */
export async function* followLogs(
  { terminal, clock, signal }: CliContext,
  api: Client,
  request: Pick<ClientRequest, "path"> & { readonly query: NonNullable<ClientRequest["query"]> },
): AsyncGenerator<string, void, undefined> {
  const beganMs = clock.now();
  const marks = new Map<string, LogMark>();
  const isTail = request.query["tailLines"] !== undefined;
  let newestMs = isTail ? beganMs : undefined;
  for (let isFirst = true; ; isFirst = false) {
    for (const mark of marks.values()) mark.begin();
    const again = newestMs === undefined ? {} : { tailLines: undefined, sinceTime: sinceTime(request.query["sinceTime"], newestMs - LATE_MS) };
    try {
      for await (const json of api.lines({ ...request, query: isFirst ? request.query : { ...request.query, ...again }, signal })) {
        terminal.progress(undefined);
        const { instance: name, time, text, base64 } = JSON.parse(json) as LineHead;
        const atMs = time === undefined ? undefined : Date.parse(time);
        const mark = marks.get(name);
        // What was there before one began to follow was not wanted, but for the last lines, which have been given.
        const isOld = !isFirst && mark === undefined && isTail && (atMs ?? 0) < beganMs;
        const known = mark ?? new LogMark(isTail && isFirst);
        if (isOld || !known.take(atMs, text ?? base64)) continue;
        marks.set(name, known);
        if (atMs !== undefined) newestMs = Math.max(newestMs ?? atMs, atMs);
        yield json;
      }
      // A centre that stops in order ends the answer, too.
      if (await areGone(api, request.query)) return;
    } catch (error) {
      if (signal.aborted || !isOrreryError(error) || error.retry !== "backoff" || (isFirst && marks.size === 0 && !isLost(error))) throw error;
    }
    terminal.progress("the centre does not answer; trying again; Ctrl-C ends");
    await sleep(clock, AGAIN_MS, signal);
  }
}

/** Of the very first answer: what is refused at once is told. */
function isLost(error: unknown): boolean {
  return isOrreryError(error, "client/unavailable");
}

function sinceTime(asked: unknown, fromMs: number): string {
  const askedMs = typeof asked === "string" ? Date.parse(asked) : 0;
  return new Date(Math.max(0, askedMs, fromMs)).toISOString();
}

/** True if only instances are followed, and none of them is there any more. Services get new ones. */
async function areGone(api: Client, { service, instance: names, all }: NonNullable<ClientRequest["query"]>): Promise<boolean> {
  if (all === "true" || [service ?? []].flat().length > 0) return false;
  for (const name of [names ?? []].flat()) {
    try {
      await impatient(api).request({ path: objectPath(instance, name) });
      return false;
    } catch (error) {
      if (!isOrreryError(error, "store/missing") && !isOrreryError(error, "api/missing")) throw error;
    }
  }
  return true;
}
