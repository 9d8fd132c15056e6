import { PAGES } from "../pages/index.ts";
import { go } from "./location.ts";

const SEQUENCE_MS = 1_200;

/** The keyboard: Ctrl-K or `/` searches, `g` and a letter goes to a page, `?` tells all of it. What is typed into a field stays there. Returns what takes it away. */
export function startKeys({ openPalette, openKeys }: { readonly openPalette: () => void; readonly openKeys: () => void }): () => void {
  let leaderAt = Number.NEGATIVE_INFINITY;
  const onKey = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return openPalette();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" && !event.isComposing && !event.shiftKey && enterList(event.target)) return event.preventDefault();
    if (isTyping(event)) return;
    // What is asked is answered first.
    if (document.querySelector("dialog[open]") !== null) return;
    if (event.key === "?") {
      event.preventDefault();
      return openKeys();
    }
    if (event.key === "/") {
      const field = document.querySelector<HTMLInputElement>("[data-search]");
      event.preventDefault();
      return field === null ? openPalette() : field.focus();
    }
    if (event.key === "g") {
      leaderAt = event.timeStamp;
      return;
    }
    if (event.timeStamp - leaderAt < SEQUENCE_MS) {
      const page = PAGES.find((one) => one.key === event.key);
      leaderAt = Number.NEGATIVE_INFINITY;
      if (page !== undefined) go(page.path);
    }
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

/** What a list, a graph or a log offers to the keyboard. */
const ENTRIES = 'tr[tabindex="0"], tr[data-index] a, td button[tabindex="0"], [data-box][tabindex="0"], .log[tabindex="0"]';

/** From a search field into what it searches: the next list on the page. Returns whether there is one. */
function enterList(field: EventTarget | null): boolean {
  if (!(field instanceof HTMLInputElement) || field.dataset["search"] === undefined) return false;
  const entries = [...document.querySelectorAll<HTMLElement>(ENTRIES)];
  const next = entries.find((one) => (field.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0);
  next?.focus();
  return next !== undefined;
}

/** In an editor, too, whose field stands in a shadow root: from outside the event seems to be of its host. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0] ?? event.target;
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
