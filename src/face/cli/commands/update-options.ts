import { OrreryError, shellWord } from "#/base/index.ts";
import { findNearest } from "#/model/index.ts";
import { quoteWord } from "../words.ts";

/** What `orrery update` may do: make Updates of a service or of files, or one of its words. */
type UpdateAction = "make" | "file" | UpdateWord;
type UpdateWord = "show" | "history" | "pause" | "promote" | "abort" | "rollback";

const WORDS: readonly UpdateWord[] = ["show", "history", "pause", "promote", "abort", "rollback"];

const MAKING = ["--message", "--strategy", "--ramp", "--hold", "--key", "--gates", "--dry-run", "--no-wait", "--timeout", "--output"];

/** Options that each takes, beside --data. */
const TAKEN: Readonly<Record<UpdateAction, readonly string[]>> = {
  make: ["--to", ...MAKING],
  file: ["--file", "--dry-run", "--no-wait", "--timeout", "--output"],
  show: ["--watch", "--output"],
  history: ["--output"],
  pause: ["--off"],
  promote: [],
  abort: ["--no-wait"],
  rollback: MAKING,
};

/** What is asked for. Every argument and every option that it would not look at is refused: whoever typed it meant something by it. `given`: long names of the options that were typed.
 *  @throws cli/usage: something is missing, too much, or does not go together; the message says what to type */
export function readAction(args: readonly string[], given: readonly string[]): UpdateAction {
  const action = actionOf(args, given);
  const said = action === "make" ? "`orrery update SERVICE --to`" : action === "file" ? "`orrery update -f`" : `\`orrery update ${action}\``;
  const odd = given.find((option) => option !== "--data" && !TAKEN[action].includes(option));
  if (odd !== undefined) throw new OrreryError("cli/usage", `${said} takes no ${odd}${placeOf(odd)}`);
  const extra = args[action === "file" ? 0 : action === "make" ? 1 : 2];
  const together = action === "make" ? "; what changes together goes in a file: orrery update -f FILE" : "";
  if (extra !== undefined) throw new OrreryError("cli/usage", `${said} takes no further argument; found ${quoteWord(extra)}${together}`);
  if ((action === "make" || action === "file") && given.includes("--output") && !given.includes("--dry-run"))
    throw new OrreryError("cli/usage", `${said} takes --output with --dry-run only`);
  return action;
}

function actionOf([first, second]: readonly string[], given: readonly string[]): UpdateAction {
  if (given.includes("--file")) return "file";
  const word = WORDS.find((one) => one === first);
  // A service may be called like a word.
  if (given.includes("--to") && (word === undefined || second === undefined)) return "make";
  if (word !== undefined) return word;
  if (first === undefined)
    throw new OrreryError("cli/usage", "say what: orrery update SERVICE --to VERSION, -f FILE, show, history, pause, promote, abort or rollback");
  const nearest = findNearest(first, WORDS);
  if (nearest !== undefined)
    throw new OrreryError(
      "cli/usage",
      `there is no \`orrery update ${quoteWord(first)}\`; did you mean ${nearest}? A service goes with --to VERSION`,
    );
  throw new OrreryError("cli/usage", `to which version? orrery update ${shellWord(first)} --to VERSION (or one of ${WORDS.join(", ")})`);
}

/** Where an option belongs, if it belongs to few. */
function placeOf(option: string): string {
  const takers = WORDS.filter((word) => TAKEN[word].includes(option));
  if (TAKEN.make.includes(option) && option !== "--output") return "; it belongs to a new update: orrery update SERVICE --to VERSION";
  return takers.length === 0 ? "" : `; it belongs to ${takers.map((word) => `orrery update ${word}`).join(", ")}`;
}
