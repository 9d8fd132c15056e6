/** A page that is older than what is served: the console was built anew since, and its parts may be gone. It loads itself once; whatever is wrong then is told, not tried again. */

const KEY = "orrery.renewed";
/** A page that has lived so long since is older again by another build. */
const AGAIN_MS = 60_000;

/** Loads the page anew, unless it has just done so, or somebody is writing. Returns whether it does. */
export function renew(): boolean {
  const before = Number(sessionStorage.getItem(KEY) ?? 0);
  if (Date.now() - before < AGAIN_MS || isWriting()) return false;
  sessionStorage.setItem(KEY, String(Date.now()));
  location.reload();
  return true;
}

/** A search is in the address and comes back; all else that was typed would be lost. */
function isWriting(): boolean {
  if (document.querySelector("dialog[open]:not(.palette), [data-unsaved]") !== null) return true;
  return [...document.querySelectorAll<HTMLTextAreaElement | HTMLInputElement>("textarea, input:not([type=search]):not([type=checkbox])")].some(
    ({ value, defaultValue }) => value !== "" && value !== defaultValue,
  );
}

let without = 0;

/** Loads a part that nobody has asked for: where it is not served any more, the page stays as it is. */
export async function withoutRenewal<T>(load: () => Promise<T>): Promise<T> {
  without += 1;
  try {
    return await load();
  } finally {
    without -= 1;
  }
}

/** Renews the page when a part of it is not served any more. */
export function startRenewal(): void {
  addEventListener("vite:preloadError", (event) => {
    // What failed is not told as an error where it mends itself.
    if (without === 0 && renew()) event.preventDefault();
  });
}
