import { type ReactNode, useEffect, useRef } from "react";
import { Guard } from "../frame/Guard.tsx";
import { Icon } from "../frame/icons.tsx";
import { useTexts } from "../texts/index.ts";
import "./drawer.css";

interface DrawerProps {
  readonly label: string;
  /** Of what it shows: another one takes the focus. */
  readonly of: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** Details beside the list, not in its place; on a phone over it. Escape closes it. */
export function Drawer({ label, of, onClose, children }: DrawerProps) {
  const t = useTexts("frame");
  const element = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another object is another drawer
  useEffect(() => {
    const before = document.activeElement;
    element.current?.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [of]);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    // Also from the list beside it. In a field that has something typed in, the first Escape is the field's; a question that is asked is answered first.
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
      const { target } = event;
      if (target instanceof HTMLInputElement && target.type === "search" && target.value !== "") return;
      close.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <aside ref={element} className="drawer" aria-label={label}>
      <button type="button" className="button is-bare drawer-close" aria-label={t("close")} onClick={onClose}>
        <Icon name="close" />
      </button>
      <Guard key={of} of="part">
        {children}
      </Guard>
    </aside>
  );
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly { readonly id: string; readonly title: string; readonly count?: number | undefined }[];
  readonly current: string;
  readonly onChange: (id: string) => void;
  readonly children: ReactNode;
}

/** One of several looks at a thing. Arrow keys change it. */
export function Tabs({ label, tabs, current, onChange, children }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  const step = (by: number): void => {
    const at = tabs.findIndex(({ id }) => id === current);
    const next = tabs[(at + by + tabs.length) % tabs.length];
    if (next === undefined) return;
    onChange(next.id);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  };
  return (
    <>
      <div
        ref={list}
        className="tabs"
        role="tablist"
        aria-label={label}
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") step(1);
          else if (event.key === "ArrowLeft") step(-1);
        }}
      >
        {tabs.map(({ id, title, count }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={id === current}
            aria-controls="tab-panel"
            tabIndex={id === current ? 0 : -1}
            onClick={() => onChange(id)}
          >
            {title}
            {count !== undefined && <span className="quiet"> {count}</span>}
          </button>
        ))}
      </div>
      <div className="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${current}`} tabIndex={0}>
        {children}
      </div>
    </>
  );
}

/** Names and values. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
