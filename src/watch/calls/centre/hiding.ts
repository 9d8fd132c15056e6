import type { CallHole, CallNode, GatheredCall } from "../core/tree.ts";

const HIDDEN = "(hidden)";
const NOT_SHOWN: CallHole = { why: "hidden", message: "a call that you may not see" };

/** `call` for somebody who sees calls to the services of `reach`: who called it is hidden where they do not see that. */
export function hideCaller(call: GatheredCall, reach: ReadonlySet<string> | undefined): GatheredCall {
  if (reach === undefined || call.caller === "" || reach.has(call.caller)) return call;
  const { callerInstance: _, ...rest } = call;
  return { ...rest, caller: HIDDEN };
}

/** A tree for somebody who sees calls to the services of `reach`: what they may not see is a hole, and what was called from there stays below it. */
export function hideCalls(nodes: readonly CallNode[], reach: ReadonlySet<string> | undefined): readonly CallNode[] {
  if (reach === undefined) return nodes;
  return nodes.flatMap((node): readonly CallNode[] => {
    const children = hideCalls(node.children, reach);
    const { call } = node;
    if (call === undefined) return children.length === 0 ? [] : [{ hole: NOT_SHOWN, children }];
    if (call.service !== undefined && reach.has(call.service)) return [{ ...node, call: hideCaller(call, reach), children }];
    return children.length === 0 ? [] : [{ hole: NOT_SHOWN, children }];
  });
}
