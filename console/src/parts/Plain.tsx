import { withoutEscapes } from "./escapes.ts";

/** A text that somebody else wrote: it stays in its place, whichever way it is read, and hides nothing. */
export function Plain({ text, className }: { readonly text: string; readonly className?: string }) {
  return <bdi className={className}>{withoutEscapes(text)}</bdi>;
}
