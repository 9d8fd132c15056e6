import { isOrreryError, sleep } from "#/base/index.ts";
import { isOver } from "#/face/views/lanes/index.ts";
import { formatDuration, formatShare, type Update, update } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import { AWAY_MS, Patience } from "../patience.ts";
import { impatient } from "../patient-client.ts";
import { loadSite, refusalOf, tellEnd } from "../update-outcome.ts";

export const ASK_MS = 250;

/** What an agent says of a process that has ended by itself. */
const CRASHED = /exit status|killed by|last lines/;

/** So many different messages of one wait are told. */
const NEWS_MAX = 10;

/** Shows how far Updates are, one after the other, until each has ended; 0 if all are complete. A centre that is away is waited for. Whoever interrupts it is told that they go on.
 *  @throws client/unavailable: the centre has been away for too long */
export async function followUpdates(context: CliContext, api: Client, names: readonly string[], timeoutMs: number): Promise<number> {
  const { terminal, signal } = context;
  const left = [...names];
  try {
    let worst = 0;
    for (; left[0] !== undefined; left.shift()) worst = Math.max(worst, await follow(context, api, left[0], timeoutMs));
    return worst;
  } catch (error) {
    terminal.progress(undefined);
    const [first = ""] = left;
    const when = signal.aborted ? "" : " when the centre is back";
    if (signal.aborted || isOrreryError(error, "client/unavailable"))
      terminal.note(
        `update ${left.join(", ")} ${left.length > 1 ? "go" : "goes"} on${when}; follow it with: orrery update show ${first} --watch; give it up with: orrery update abort ${first}`,
      );
    throw error;
  }
}

async function follow(context: CliContext, api: Client, name: string, timeoutMs: number): Promise<number> {
  const { terminal, clock, signal } = context;
  const deadlineMs = clock.monotonic() + timeoutMs;
  const patience = new Patience(context, AWAY_MS);
  let news = new News();
  for (;;) {
    const seen = await patience.ask(() => loadUpdate(impatient(api), name, signal));
    if (seen === undefined) news = new News();
    else if (isOver(seen.one)) {
      terminal.progress(undefined);
      return tellEnd(context, seen.one, seen.refusal);
    } else {
      const told = news.of(seen.one);
      // The line of progress is cut where the terminal ends, and the next one takes its place; what crashed says why at the end of it.
      if (told?.isSameWait === true && CRASHED.test(told.text)) terminal.note(told.text);
      else if (told !== undefined) terminal.progress(told.text);
    }
    if (clock.monotonic() > deadlineMs) {
      terminal.progress(undefined);
      terminal.note(`update ${name} has not ended within ${formatDuration(timeoutMs)}; it goes on. See: orrery update show ${name}`);
      return 1;
    }
    await sleep(clock, ASK_MS, signal);
  }
}

/** An Update; of one that has ended, why the site refuses it, too. */
async function loadUpdate(api: Client, name: string, signal: AbortSignal): Promise<{ readonly one: Update; readonly refusal: string | undefined }> {
  const one = (await api.request({ path: objectPath(update, name), signal })).body as Update;
  return { one, refusal: isOver(one) ? refusalOf(one, await loadSite(api)) : undefined };
}

/** What has not been said yet of an Update. Times and numbers inside a message change all the time, and what crashes says the same things in turn: each is told once as long as the same is waited for. */
class News {
  #step = "";
  #said = new Set<string>();

  of(one: Update): { readonly text: string; readonly isSameWait: boolean } | undefined {
    const { phase = "Pending", share, waits } = one.status ?? {};
    const [wait] = waits ?? [];
    const part = phase === "Ramping" && share !== undefined ? ` ${formatShare(share)}` : "";
    const step = `${phase}${part}${wait?.reason}${wait?.object}`;
    const isSameWait = step === this.#step;
    if (!isSameWait) this.#said = new Set();
    this.#step = step;
    const message = (wait?.message ?? "").replaceAll(/\d+ of \d+|\d+/g, (figures) => (figures.includes(" of ") ? figures : ""));
    if (this.#said.has(message) || this.#said.size >= NEWS_MAX) return undefined;
    this.#said.add(message);
    return { text: `${one.metadata.name}: ${phase}${part}${wait === undefined ? "" : `: ${wait.message}`}`, isSameWait };
  }
}
