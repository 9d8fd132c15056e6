import type { Link } from "#/state/link/index.ts";
import { CALL_TOTALS, type GatewayPart } from "#/traffic/gateway/index.ts";
import { callFigures } from "./call-figures.ts";
import { LOOK_MS, tellFigures } from "./notices.ts";
import { lookAtProcess, processFigures } from "./process-figures.ts";

/** Tells the centre's store of series what this gateway has counted of calls, and how its process stands. Without a link there is a gap. */
export const gatewayFiguresPart: GatewayPart = {
  name: "figures",
  start({ use, clock, lifecycle }) {
    const totals = use(CALL_TOTALS);
    let link: Link | undefined;
    let cancel: () => void;
    const tell = (): void => {
      cancel = clock.after(LOOK_MS, tell, { background: true });
      if (link !== undefined) tellFigures(link, clock.now(), [...callFigures(totals()), ...processFigures("gateway", lookAtProcess())]);
    };
    cancel = clock.after(LOOK_MS, tell, { background: true });
    lifecycle.add("figures", () => cancel());
    return {
      connected(opened) {
        link = opened;
      },
      disconnected() {
        link = undefined;
      },
    };
  },
};
