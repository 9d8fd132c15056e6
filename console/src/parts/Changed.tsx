import { type ReactNode, useEffect, useRef } from "react";

const GLOW_MS = 150;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** A value that glows for a moment when it changes. */
export function Changed({ value, children }: { readonly value: string | number | undefined; readonly children?: ReactNode }) {
  const element = useRef<HTMLSpanElement>(null);
  const former = useRef(value);
  useEffect(() => {
    if (former.current === value) return;
    former.current = value;
    if (!still.matches)
      element.current?.animate([{ background: "var(--glow)" }, { background: "transparent" }], { duration: GLOW_MS * 3, easing: "ease-out" });
  }, [value]);
  return (
    <span ref={element} className="changed">
      {children ?? value}
    </span>
  );
}
