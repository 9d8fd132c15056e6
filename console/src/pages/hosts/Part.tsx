import { useNow } from "../../api/live.ts";
import { formatShare } from "../../parts/numbers.ts";
import type { Use } from "./use.ts";
import "./hosts.css";

/** So long an agent's last word is taken for how it is: it speaks every 2 s. */
const BELIEVED_MS = 10_000;
const HIGH = 0.9;
const FULL = 0.97;

/** A part that is taken, as a figure with a bar; nothing where it was told too long ago. */
export function Part({ part, atMs }: { readonly part: number | undefined; readonly atMs: number | undefined }) {
  const isOld = useNow() - (atMs ?? 0) > BELIEVED_MS;
  if (part === undefined || isOld) return <span className="quiet">–</span>;
  return (
    <span className={`part${part >= FULL ? " is-full" : part >= HIGH ? " is-high" : ""}`}>
      <span className="part-bar" aria-hidden="true">
        <span style={{ width: `${Math.round(part * 100)}%` }} />
      </span>
      {formatShare(Number(part.toFixed(2)))}
    </span>
  );
}

/** What an agent has told last, and when. */
export interface SeenUse {
  readonly use: Use;
  readonly atMs: number | undefined;
}
