import { OrreryError, sleep } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import { printData } from "../output.ts";
import type { Options } from "../program.ts";
import { drawUpdates } from "../update-lanes.ts";
import { isOver, loadUpdateView } from "../update-view.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";

/** `orrery update show`: what is under way, once or, with --watch, until it has ended. */
export async function showUpdates(context: CliContext, name: string | undefined, options: Options): Promise<number> {
  const { terminal, clock, signal } = context;
  const api = await context.connect(options.data);
  let isFirst = true;
  try {
    for (;;) {
      const view = await loadUpdateView(api, name, clock.now()).catch((error: unknown) => {
        if (isMissing(error))
          throw new OrreryError("cli/missing", `there is no update called ${quoteName(name ?? "")}; see: orrery get updates`, { cause: error });
        throw error;
      });
      if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, view);
      else {
        const isDrawnOver = options.watch === true && terminal.isTerminal && (context.env["TERM"] ?? "dumb") !== "dumb";
        // Home and clear below, so that the picture stands still while it changes; elsewhere one stands below the other.
        const before = isDrawnOver ? "\u001b[H\u001b[J" : isFirst ? "" : "\n";
        terminal.out(`${before}${drawUpdates(terminal, view, clock.now()).join("\n")}`);
      }
      isFirst = false;
      // Nobody reads any more.
      if (!(await terminal.drain())) return 0;
      if (options.watch !== true || signal.aborted) return 0;
      if (name !== undefined && view.updates[0] !== undefined && isOver(view.updates[0])) return view.updates[0].status?.phase === "Complete" ? 0 : 1;
      await sleep(clock, 1000, signal).catch(() => {});
      if (signal.aborted) return 0;
    }
  } finally {
    await api.close();
  }
}
