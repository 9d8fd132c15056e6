import { describeError, isOrreryError, OrreryError, sleep } from "#/base/index.ts";
import { formatDuration } from "#/model/index.ts";
import type { Answer, Client, ClientRequest, Exchange } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";

/** A centre that ends is started again by its supervisor, and answers again within this. */
const AWAY_MS = 30_000;
const AGAIN_MS = 250;
const INNER = Symbol("the client that does not wait");

/** The API of a site, for a command that asks or writes once: a centre that is just being started again is waited for, half a minute at most, if the request may be sent once more: it was never sent, or to do it twice is to do it once (GET, DELETE, PUT, a patch by merge or apply). Where no supervisor would start it again, or the site is being ended, nothing is waited for. The caller closes it.
 *  @throws cli/not-running, as `CliContext.connect` */
export async function connectPatiently(context: CliContext, data: string): Promise<Client> {
  let inner = await context.connect(data);
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
  const client: Client & { readonly [INNER]: Client } = {
    get [INNER]() {
      return inner;
    },
    get url() {
      return inner.url;
    },
    request: (request) => patiently(request, (wasLost) => answerOf(inner, request, wasLost)),
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
        throw new OrreryError("client/unavailable", `the centre has not answered for ${formatDuration(AWAY_MS)}: ${describeError(error)}`, {
          retry: "backoff",
          cause: error,
        });
      terminal.progress(`the centre does not answer; trying again, ${formatDuration(AWAY_MS)} at most`);
      await sleep(clock, AGAIN_MS, signal);
      await lookAgain();
    }
  }
}

/** `wasLost`: the same request was sent before, and its answer did not come: what is gone now has been deleted by it. */
async function answerOf(inner: Client, request: ClientRequest, wasLost: boolean): Promise<Answer> {
  try {
    return await inner.request(request);
  } catch (error) {
    if (wasLost && request.method === "DELETE" && isOrreryError(error, "store/missing")) return { status: 200, headers: {}, body: {} };
    throw error;
  }
}

function isAway(error: unknown): error is OrreryError {
  return isOrreryError(error, "client/unavailable") || isOrreryError(error, "store/unavailable");
}

/** Nobody took the connection. */
function isUnsent(error: OrreryError): boolean {
  return error.details["code"] === "ECONNREFUSED";
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
