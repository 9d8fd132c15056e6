import { type RefObject, useEffect, useRef } from "react";

/** A dialog that stands over the page, and is asked first, as long as its part is shown. Afterwards the keyboard goes on where it was: what is taken off the page, and not closed, gives the focus back to nobody. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // Whatever has led elsewhere meanwhile has put it there.
      if (document.activeElement !== null && document.activeElement !== document.body) return;
      const next = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : document.getElementById("page");
      next?.focus({ preventScroll: true });
    };
  }, []);
  return dialog;
}
