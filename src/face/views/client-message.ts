import { OrreryError } from "#/base/index.ts";
import { describeIssues } from "#/model/index.ts";
import { type ClientMessage, clientMessage, view } from "./protocol.ts";

/** The message of a client.
 *  @throws views/bad-message: what is wrong with it, by field; `details.id` is the view that it was about, where that can be told */
export function parseClientMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused("it is no JSON", value);
  }
  const parsed = clientMessage.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refused(whatIsWrong(value), value);
}

/** The union's own words do not say which of its members was meant: that is told by `op` and `of`. */
function whatIsWrong(value: unknown): string {
  const { op, view: wish } = fieldsOf(value);
  if (op === undefined) return `found no op; allowed: {"session": …} as the first message, or op: open, change or close`;
  const { of } = fieldsOf(wish);
  if ((op === "open" || op === "change") && of !== undefined) {
    const meant = view.options.find((one) => one.shape.of.value === of);
    if (meant === undefined)
      return `view.of: found ${JSON.stringify(String(of).slice(0, 60))}; allowed: ${view.options.map((one) => one.shape.of.value).join(", ")}`;
    const causes = describeIssues(meant, wish, meant.safeParse(wish).error?.issues ?? [], ["view"]).slice(0, CAUSES_MAX);
    if (causes.length > 0) return causes.map(({ field, message }) => `${field}: ${message}`).join("; ");
  }
  return `allowed: {"op": "open" or "change", "id": text of at most 64 signs, "view": {"of": …}} or {"op": "close", "id": …}`;
}

/** Causes that are told at once. */
const CAUSES_MAX = 5;

function refused(why: string, value: unknown): OrreryError {
  const { id, ask } = fieldsOf(value);
  return new OrreryError("views/bad-message", `the message cannot be taken: ${why}`, {
    details: {
      ...(typeof id === "string" && id.length <= 64 && { id }),
      ...(typeof ask === "number" && { ask }),
    },
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
