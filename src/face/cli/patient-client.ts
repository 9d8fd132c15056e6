import { describeError, isOrreryError, OrreryError, sleep } from "#/base/index.ts";
import { formatDuration } from "#/model/index.ts";
import type { Answer, Client, ClientRequest, Exchange } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";
import { describePausedCentre } from "./paused-centre.ts";

/** A centre that ends is started again by its supervisor, and answers again within this. */
const AWAY_MS = 30_000;
const AGAIN_MS = 250;
/** Objects that are replaced as often as one looks are not deleted by chance. */
const LOOKS_MAX = 3;
const INNER = Symbol("the client that does not wait");
const AGAIN = Symbol("looks where the API is now");

/** The API of a site, for a command that asks or writes once: a centre that is just being started again is waited for, half a minute at most, if the request may be sent once more: it was never sent, or to do it twice is to do it once (GET, DELETE, PUT, a patch by merge or apply). Where no supervisor would start it again, or the site is being ended, nothing is waited for. The caller closes it.
 *  @throws cli/not-running, as `CliContext.connect` */
export async function connectPatiently(context: CliContext, data: string): Promise<Client> {
  let inner = await context.connect(data);
  const stopped = describePausedCentre(context.platform.processes(data));
  // It takes the connection, and nothing more: that would be said in ten seconds only.
  if (stopped !== undefined) context.terminal.note(stopped);
  // A site that is started anew may have its API at another port.
  const lookAgain = async (): Promise<void> => {
    const found = await context.connect(data).catch(() => undefined);
    if (found === undefined || found === inner) return;
    const other = found.url === inner.url ? found : inner;
    if (other === inner) inner = found;
    await other.close();
  };
  const patiently = <T>(request: ClientRequest, ask: (wasLost: boolean) => Promise<T>): Promise<T> =>
    askPatiently({ context, data, request, ask, lookAgain });
  const client: Client & { readonly [INNER]: Client; readonly [AGAIN]: () => Promise<void> } = {
    [AGAIN]: lookAgain,
    get [INNER]() {
      return inner;
    },
    get url() {
      return inner.url;
    },
    request: (request) =>
      request.method === "DELETE"
        ? deleteOnce(request, (one, ask) => patiently(one, (wasLost) => ask(inner, wasLost)))
        : patiently(request, () => inner.request(request)),
    openExchange: (request) => patiently<Exchange>(request, () => inner.openExchange(request)),
    lines: (request) => inner.lines(request),
    text: (request) => inner.text(request),
    openLink: (hello, handlers) => inner.openLink(hello, handlers),
    keepLink: (options) => inner.keepLink(options),
    close: () => inner.close(),
  };
  return client;
}

/** The client that does not wait, for a loop that asks again by itself. */
export function impatient(api: Client): Client {
  return (api as Client & { readonly [INNER]?: Client })[INNER] ?? api;
}

/** Looks whether the API has moved to another port, for a loop that asks again by itself. */
export async function findAgain(api: Client): Promise<void> {
  await (api as Client & { readonly [AGAIN]?: () => Promise<void> })[AGAIN]?.();
}

async function askPatiently<T>(about: {
  readonly context: CliContext;
  readonly data: string;
  readonly request: ClientRequest;
  readonly ask: (wasLost: boolean) => Promise<T>;
  readonly lookAgain: () => Promise<void>;
}): Promise<T> {
  const { context, data, request, ask, lookAgain } = about;
  const { terminal, clock, signal } = context;
  const sinceMs = clock.monotonic();
  let wasLost = false;
  for (let isFirst = true; ; isFirst = false) {
    try {
      const answer = await ask(wasLost);
      if (!isFirst) terminal.progress(undefined);
      return answer;
    } catch (error) {
      if (!isAway(error) || signal.aborted || !(isUnsent(error) || isRepeatable(request)) || !isStartedAgain(context, data)) throw error;
      wasLost ||= !isUnsent(error);
      if (clock.monotonic() - sinceMs >= AWAY_MS)
        throw new OrreryError(
          "client/unavailable",
          `the centre has not answered for ${formatDuration(AWAY_MS)}: ${describePausedCentre(context.platform.processes(data)) ?? describeError(error)}`,
          { retry: "backoff", cause: error },
        );
      terminal.progress(`the centre does not answer; trying again, ${formatDuration(AWAY_MS)} at most`);
      await sleep(clock, AGAIN_MS, signal);
      await lookAgain();
    }
  }
}

type AskPatiently = (request: ClientRequest, ask: (inner: Client, wasLost: boolean) => Promise<Answer>) => Promise<Answer>;

/** Deletes the object that is there now, and no other that has its name by the time the request is repeated. Whoever sent it and got no answer takes an object that is gone, or another one, for the answer; whose request never left takes it for what it is.
 *  @throws store/missing: there was none */
async function deleteOnce(request: ClientRequest, patiently: AskPatiently): Promise<Answer> {
  for (let looks = 1; ; looks++) {
    const look: ClientRequest = { path: request.path };
    const { metadata } = (await patiently(look, (inner) => inner.request(look))).body as { readonly metadata: { readonly uid?: string } };
    const deletion: ClientRequest = {
      ...request,
      body: { kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid: metadata.uid } },
    };
    try {
      return await patiently(deletion, async (inner, wasLost) => {
        try {
          return await inner.request(deletion);
        } catch (error) {
          if (wasLost && (isOrreryError(error, "store/missing") || isOrreryError(error, "store/conflict")))
            return { status: 200, headers: {}, body: { metadata } };
          throw error;
        }
      });
    } catch (error) {
      // Somebody has put another in its place between look and deletion: the name means that one now.
      if (!isOrreryError(error, "store/conflict") || looks >= LOOKS_MAX) throw error;
    }
  }
}

function isAway(error: unknown): error is OrreryError {
  return isOrreryError(error, "client/unavailable") || isOrreryError(error, "store/unavailable");
}

/** It was not sent to anybody. */
function isUnsent(error: OrreryError): boolean {
  return error.details["wasSent"] === false;
}

function isRepeatable({ method = "GET", contentType }: ClientRequest): boolean {
  if (method === "PATCH") return contentType === "application/merge-patch+json" || contentType === "application/apply-patch+yaml";
  return method !== "POST";
}

/** Whether somebody starts a centre that has ended. */
function isStartedAgain({ platform }: CliContext, data: string): boolean {
  const isSupervised = platform.processes(data).some((one) => one.name === "supervisor" && one.pid !== undefined);
  return isSupervised && !platform.warnings(data).some((one) => one.reason === "Stopping");
}
