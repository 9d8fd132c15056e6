import type { BoardEntry } from "#/state/link/hub/index.ts";
import type { Answer } from "./answer.ts";
import type { Followed, FollowedObjects } from "./followed.ts";
import type { RowForms } from "./object-rows.ts";
import type { SharedQueries } from "./shared-query.ts";

/** A view that may be shown: what it is made of, and how. */
export interface Asked {
  /** Names what the reader may see of it: who asks the same view under the same name gets the same answer. */
  readonly rights: string;
  readonly objects: readonly string[];
  readonly topics: readonly string[];
  /** Called when all of these are filled. @throws views/bad-message, store/invalid: it cannot be asked so */
  answer(given: Given): Answer;
}

/** What an answer is made of: sources that stay as long as it does. */
export interface Given {
  objects(resource: string): FollowedObjects;
  topic(topic: string): Followed<BoardEntry>;
  readonly queries: SharedQueries;
  readonly forms: RowForms;
}
