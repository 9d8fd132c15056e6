/** What somebody has typed and not sent: it outlives another tab of the drawer and another page, until the browser's tab is closed. */
export interface Draft {
  readonly text: string;
  /** What the person began with. */
  readonly base: string;
}

const drafts = new Map<string, Draft>();
/** Of a person who leaves many behind; the oldest goes. */
const DRAFTS_MAX = 50;

export function readDraft(key: string): Draft | undefined {
  return drafts.get(key);
}

/** Absent: there is nothing to keep. */
export function keepDraft(key: string, draft: Draft | undefined): void {
  drafts.delete(key);
  if (draft !== undefined) drafts.set(key, draft);
  const [oldest] = drafts.keys();
  if (drafts.size > DRAFTS_MAX && oldest !== undefined) drafts.delete(oldest);
}

export function hasDrafts(): boolean {
  return drafts.size > 0;
}

addEventListener("beforeunload", (event) => {
  if (hasDrafts()) event.preventDefault();
});
