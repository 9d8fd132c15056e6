import { OrreryError } from "#/base/index.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `text` with each `${NAME}` replaced by its value and each `${NAME:-default}` by the default where NAME is not set or empty. `$${` is a literal `${`; every other `$` stays. What is put in is not read again. Linear in the text and what is put in.
 *  @throws agent/render: a name is unknown, or what stands after `${` is no name; the message says file, line and name */
export function renderText(text: string, values: Readonly<Record<string, string>>, file: string): string {
  const parts: string[] = [];
  let from = 0;
  for (;;) {
    const at = text.indexOf("${", from);
    if (at < 0) break;
    if (at > from && text[at - 1] === "$") {
      parts.push(text.slice(from, at - 1), "${");
      from = at + 2;
      continue;
    }
    const end = endOfWord(text, at);
    const word = end === undefined ? undefined : text.slice(at + 2, end);
    if (word === undefined || end === undefined) throw failure(text, at, file, `\${ is not closed in its line`);
    parts.push(
      text.slice(from, at),
      findValue(word, values, (what) => failure(text, at, file, what)),
    );
    from = end + 1;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

/** Where the first `}` of the line is. Lines are short or the search is: it never goes beyond the line's end. */
function endOfWord(text: string, at: number): number | undefined {
  for (let index = at + 2; index < text.length; index++) {
    if (text[index] === "}") return index;
    if (text[index] === "\n") return undefined;
  }
  return undefined;
}

function findValue(word: string, values: Readonly<Record<string, string>>, fail: (what: string) => OrreryError): string {
  const mark = word.indexOf(":-");
  const name = mark < 0 ? word : word.slice(0, mark);
  if (!NAME.test(name)) throw fail(`${JSON.stringify(name.slice(0, 60))} is no name of a variable`);
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (mark >= 0) return value === undefined || value === "" ? word.slice(mark + 2) : value;
  if (value === undefined) throw fail(`${name} is not set${hint(name)}`);
  return value;
}

function hint(name: string): string {
  return name.startsWith("SERVICE_")
    ? ": is there a service of that name, and do calls allow it?"
    : "; give it in env, or a default as ${NAME:-value}";
}

function failure(text: string, at: number, file: string, what: string): OrreryError {
  let line = 1;
  for (let index = text.indexOf("\n"); index >= 0 && index < at; index = text.indexOf("\n", index + 1)) line++;
  return new OrreryError("agent/render", `${file}, line ${line}: ${what}; a literal \${ is written $\${`, { details: { file, line } });
}
