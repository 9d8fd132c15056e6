import { useCallback } from "react";
import { useTexts } from "../../texts/index.ts";
import { nameOfId } from "./graph.ts";

/** What a box is called. */
export function useNodeName(): (id: string) => string {
  const t = useTexts("topology");
  return useCallback((id: string) => (id === "outside" || id === "unknown" ? t(id) : nameOfId(id)), [t]);
}
