import type { DerivedView } from "../ask-derived.ts";
import type { CallTableView } from "../protocol.ts";
import { buildCallTable } from "./call-table.ts";
import { visibleCalls } from "./calls-view.ts";

/** Calls as a table. Who is shown some services alone is shown the calls of which one end is theirs. */
export function callTableView(view: CallTableView): DerivedView {
  return {
    resources: ["microservices"],
    topics: ["calls"],
    window: { offset: view.offset, limit: view.limit },
    compute(data) {
      const { sums, seen } = visibleCalls(data);
      return buildCallTable(view, sums).map((row) => ({ ...row, seen }));
    },
  };
}
