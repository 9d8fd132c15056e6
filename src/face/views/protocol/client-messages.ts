/** What a client sends: its views, by their queries. */
import { z } from "zod";
import { callsView, callTableView } from "./calls.ts";
import { logView } from "./log.ts";
import { countsView, objectsView, objectView, topicView } from "./object-views.ts";
import { overviewView } from "./overview.ts";
import { tryView } from "./try.ts";
import { updateView } from "./update.ts";

/** A query. */
export const view = z.discriminatedUnion("of", [
  objectsView,
  objectView,
  topicView,
  countsView,
  overviewView,
  callsView,
  callTableView,
  updateView,
  logView,
  tryView,
]);
/** A view with all defaults filled in. */
export type View = z.output<typeof view>;
/** A view as a client writes it. */
export type ViewWish = z.input<typeof view>;

/** The client's name for a view on its stream. */
const id = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[!-~]+$/, "letters, digits and signs");
/** Given back with the answer, so that a client knows which of its wishes it is. */
const ask = z.int().min(0).optional();

/** What a client sends. The first message of a browser is `{session}`; then all others. */
export const clientMessage = z.union([
  z.strictObject({ session: z.string().min(1).max(4_096) }),
  z.discriminatedUnion("op", [
    z.strictObject({ op: z.literal("open"), id, view, ask }),
    z.strictObject({ op: z.literal("change"), id, view, ask }),
    z.strictObject({ op: z.literal("close"), id }),
  ]),
]);
export type ClientMessage = z.output<typeof clientMessage>;
/** A message as a client writes it. */
export type ClientWish = z.input<typeof clientMessage>;
