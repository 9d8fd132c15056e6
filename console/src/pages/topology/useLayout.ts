import { useEffect, useMemo, useRef, useState } from "react";
import { startWorker } from "../../parts/workers.ts";
import type { CallGraph } from "./graph.ts";
import type { Layout, LayoutWish } from "./layout.ts";
import workerAddress from "./layout-worker.ts?worker&url";

const KEY = "orrery.topology";
/** Questions whose places are kept in this browser. */
const QUESTIONS_MAX = 12;

/** Places of boxes; `arrange` finds all of them anew. Undefined: not found yet. */
export function useLayout(question: string, graph: CallGraph): { readonly layout: Layout | undefined; readonly arrange: () => void } {
  const [found, setFound] = useState<{ readonly question: string; readonly layout: Layout }>();
  const worker = useWorker();
  const ids = useMemo(() => graph.nodes.map(({ id }) => id), [graph]);
  // Figures change each second; who there is and who calls whom seldom does.
  const shape = useMemo(() => JSON.stringify([ids.toSorted(), graph.edges.map(({ from, to }) => `${from}>${to}`).sort()]), [ids, graph]);
  const [turn, setTurn] = useState(0);
  const latest = useRef({ graph, ids, found, turn: 0 });
  latest.current = { ...latest.current, graph, ids, found };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another shape of the graph asks for places
  useEffect(() => {
    const now = latest.current;
    if (now.ids.length === 0) return;
    const isAnew = now.turn !== turn;
    latest.current.turn = turn;
    const before = now.found?.question === question ? now.found.layout : (readKept()[question] ?? carriedOver(now.found?.layout, now.ids));
    const kept = isAnew
      ? {}
      : Object.fromEntries(now.ids.flatMap((id) => (before !== undefined && Object.hasOwn(before, id) ? [[id, before[id]]] : [])));
    const edges = now.graph.edges.map(({ from, to }) => [from, to] as const);
    return worker({ ids: now.ids, edges, kept } as LayoutWish, (layout) => {
      setFound({ question, layout });
      keep(question, layout);
    });
  }, [shape, question, turn, worker]);
  const isThere = found !== undefined && (found.question === question || ids.every((id) => Object.hasOwn(found.layout, id)));
  return { layout: isThere ? found.layout : undefined, arrange: () => setTurn((before) => before + 1) };
}

/** A question that shows most of the same boxes begins with where they stand. */
function carriedOver(before: Layout | undefined, ids: readonly string[]): Layout | undefined {
  if (before === undefined) return undefined;
  const known = ids.filter((id) => Object.hasOwn(before, id)).length;
  return known * 2 >= ids.length && known * 2 >= Object.keys(before).length ? before : undefined;
}

function readKept(): Readonly<Record<string, Layout>> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, Layout>;
  } catch {
    return {};
  }
}

function keep(question: string, layout: Layout): void {
  const { [question]: _, ...others } = readKept();
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries([...Object.entries(others), [question, layout]].slice(-QUESTIONS_MAX))));
  } catch {
    // The browser keeps nothing: places last as long as the page.
  }
}

type Find = (wish: LayoutWish, onFound: (layout: Layout) => void) => () => void;

/** Finds places in a worker of this page; the last wish counts. */
function useWorker(): Find {
  const state = useRef<{ worker: Worker; number: number; onFound: ((layout: Layout) => void) | undefined }>(undefined);
  useEffect(
    () => () => {
      state.current?.worker.terminate();
      state.current = undefined;
    },
    [],
  );
  return useMemo<Find>(
    () => (wish, onFound) => {
      if (state.current === undefined) {
        const worker = startWorker(workerAddress);
        state.current = { worker, number: 0, onFound: undefined };
        worker.addEventListener("message", ({ data }: MessageEvent<{ readonly number: number; readonly layout: Layout }>) => {
          if (data.number === state.current?.number) state.current.onFound?.(data.layout);
        });
        // A worker of a page of before an update may be gone.
        worker.addEventListener("error", () => void import("./layout.ts").then(({ placeBoxes }) => state.current?.onFound?.(placeBoxes(wish))));
      }
      const own = state.current;
      own.number += 1;
      own.onFound = onFound;
      own.worker.postMessage({ number: own.number, wish });
      return () => {
        if (own.onFound === onFound) own.onFound = undefined;
      };
    },
    [],
  );
}
