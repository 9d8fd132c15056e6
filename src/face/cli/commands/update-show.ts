import { OrreryError, sleep } from "#/base/index.ts";
import { isOver, type UpdateView } from "#/face/views/lanes/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { Patience } from "../patience.ts";
import { connectPatiently, impatient } from "../patient-client.ts";
import { ownControl } from "../printable.ts";
import type { Terminal } from "../terminal.ts";
import { drawUpdates } from "../update-lanes.ts";
import { loadUpdateView } from "../update-view.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";

/** `orrery update show`: what is under way, once or, with --watch, until it has ended, however long the centre is away meanwhile. */
export async function showUpdates(context: CliContext, name: string | undefined, options: Options): Promise<number> {
  const { terminal, clock, signal } = context;
  const api = await connectPatiently(context, options.data);
  const patience = new Patience(context, Number.POSITIVE_INFINITY);
  const load = (of: Client): Promise<UpdateView> => loadUpdateView(of, name, clock.now());
  let isFirst = true;
  try {
    for (;;) {
      // A centre that has never answered is not one that is away for a while.
      const view = await (isFirst ? load(api) : patience.ask(() => load(impatient(api)))).catch((error: unknown) => {
        if (isMissing(error))
          throw new OrreryError("cli/missing", `there is no update called ${quoteName(name ?? "")}; see: orrery get updates`, { cause: error });
        throw error;
      });
      if (view !== undefined) {
        show(context, view, options, isFirst);
        isFirst = false;
        // Nobody reads any more.
        if (!(await terminal.drain())) return 0;
        if (options.watch !== true || signal.aborted) return 0;
        const [one] = view.updates;
        if (name !== undefined && one !== undefined && isOver(one)) return one.status?.phase === "Complete" ? 0 : 1;
      }
      await sleep(clock, 1000, signal).catch(() => {});
      if (signal.aborted) {
        terminal.progress(undefined);
        return 0;
      }
    }
  } finally {
    await api.close();
  }
}

function show({ terminal, clock, env }: CliContext, view: UpdateView, options: Options, isFirst: boolean): void {
  if (options.output === "json" || options.output === "yaml") return printData(terminal, options.output, view);
  const isDrawnOver = options.watch === true && terminal.isTerminal && (env["TERM"] ?? "dumb") !== "dumb";
  // Home and clear below, so that the picture stands still while it changes; elsewhere one stands below the other.
  const before = isDrawnOver ? ownControl("H") + ownControl("J") : isFirst ? "" : "\n";
  const rowsMax = isDrawnOver ? (terminal.rows ?? Number.POSITIVE_INFINITY) - 1 : Number.POSITIVE_INFINITY;
  terminal.out(`${before}${drawWithin(terminal, view, clock.now(), rowsMax).join("\n")}`);
}

/** What is drawn over must not be longer than the terminal: updates that have ended give way first, but for the newest. */
function drawWithin(terminal: Terminal, view: UpdateView, nowMs: number, rowsMax: number): readonly string[] {
  const lines = drawUpdates(terminal, view, nowMs);
  if (lines.length <= rowsMax) return lines;
  const ended = view.updates.filter(isOver);
  const kept = new Set(ended.slice(0, Math.max(1, ended.length - (lines.length - rowsMax))));
  const fewer = drawUpdates(terminal, { ...view, updates: view.updates.filter((one) => !isOver(one) || kept.has(one)) }, nowMs);
  return fewer.length <= rowsMax ? fewer : [...fewer.slice(0, rowsMax - 1), "…"];
}
