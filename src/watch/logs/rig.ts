/** What a measurement of the archive needs: the archive itself, and the thread that searches it. */
export { LogArchive } from "./archive/archive.ts";
export { type SearchSummary, searchLogs } from "./archive/search.ts";
export { searchQuestion } from "./core/question.ts";
export type { LogOwner } from "./core/record.ts";
export { LogThread } from "./thread/log-thread.ts";
