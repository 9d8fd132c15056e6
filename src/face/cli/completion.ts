import type { Argument, Command, Option } from "commander";
import { instance, job, jobRun, microservice, update } from "#/model/index.ts";
import { findServed, type ServedKind } from "./served-kinds.ts";

/** Where the names of objects come from. Both give an empty list where no centre answers in time. */
export interface Names {
  /** Names of all objects of a kind. */
  of(kind: ServedKind): Promise<readonly string[]>;
  /** Names of the scripts of a microservice. */
  scriptsOf(service: string): Promise<readonly string[]>;
}

/** What may stand for the last word: candidates that begin like it, or files. */
export type Completion = { readonly candidates: readonly string[] } | { readonly isFile: true };

/** Kinds whose objects a command's argument of that name takes; words of an argument's name that are not here (`show|history`) stand for themselves. */
const KINDS_OF: Readonly<Record<string, readonly ServedKind[]>> = {
  service: [microservice],
  instance: [instance],
};
const FILES: ReadonlySet<string> = new Set(["file", "dir", "file|dir|-", "file|-"]);

/** Completes the last of `words`, which stand behind the program's name. */
export async function complete(kinds: readonly ServedKind[], program: Command, words: readonly string[], names: Names): Promise<Completion> {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? "";
  const begins = (candidates: readonly string[]): Completion => ({
    candidates: [...new Set(candidates)].filter((one) => one.startsWith(word)).toSorted(),
  });
  const commandName = before.find((one) => !one.startsWith("-"));
  const command = program.commands.find((one) => one.name() === commandName);
  if (command === undefined) return commandName === undefined ? begins(["help", "--help", "--version", ...visibleNames(program)]) : begins([]);
  const { positional, open } = read(command, before.slice(before.indexOf(command.name()) + 1));
  if (open !== undefined) return ofOption(open, begins, names);
  if (word.startsWith("-") && !before.includes("--")) return begins(["--help", ...command.options.flatMap((one) => one.long ?? [])]);
  const argument = argumentAt(command, positional.length);
  if (argument === undefined) return command.name() === "help" ? begins(visibleNames(program)) : begins([]);
  if (FILES.has(argument.name())) return { isFile: true };
  return begins(await ofArgument({ kinds, command, argument, positional, word, names }));
}

function visibleNames(program: Command): string[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((one) => one.name());
}

/** The words that are no options, and the option that still wants its value. */
function read(command: Command, words: readonly string[]): { readonly positional: readonly string[]; readonly open: Option | undefined } {
  const positional: string[] = [];
  let open: Option | undefined;
  let isOver = false;
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (word === "--") isOver = true;
    else if (!isOver && word.startsWith("-")) {
      const option = command.options.find((one) => one.long === word || one.short === word);
      open = option?.required === true ? option : undefined;
    } else positional.push(word);
  }
  return { positional, open };
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[index] ?? (last?.variadic === true ? last : undefined);
}

async function ofOption(option: Option, begins: (candidates: readonly string[]) => Completion, names: Names): Promise<Completion> {
  const [, value = ""] = /<([^>]*)>/.exec(option.flags) ?? [];
  if (FILES.has(value)) return { isFile: true };
  return begins(option.argChoices ?? (KINDS_OF[value] === undefined ? [] : await namesOf(KINDS_OF[value], names)));
}

async function ofArgument(about: {
  readonly kinds: readonly ServedKind[];
  readonly command: Command;
  readonly argument: Argument;
  readonly positional: readonly string[];
  readonly word: string;
  readonly names: Names;
}): Promise<readonly string[]> {
  const { kinds, command, argument, positional, word, names } = about;
  const [first = ""] = positional;
  const name = argument.name();
  if (name === "kind" || (name === "name" && positional.length > 0 && first.includes("/"))) {
    const slash = word.indexOf("/");
    if (slash < 0) return kinds.flatMap((kind) => [kind.plural, kind.singular]);
    const kind = findServed(kinds, word.slice(0, slash));
    return kind === undefined ? [] : (await names.of(kind)).map((one) => `${word.slice(0, slash)}/${one}`);
  }
  if (name === "script") return await names.scriptsOf(first);
  if (name !== "name") {
    const parts = name.split("|");
    const literal = argument.argChoices ?? parts.filter((part) => KINDS_OF[part] === undefined && (parts.length > 1 || part === "forget"));
    return [
      ...literal,
      ...(await namesOf(
        parts.flatMap((part) => KINDS_OF[part] ?? []),
        names,
      )),
    ];
  }
  const kind = kindOfNames(kinds, command.name(), first);
  return kind === undefined ? [] : await names.of(kind);
}

/** The kind whose objects `[name]` names, by the command and the word before. */
function kindOfNames(kinds: readonly ServedKind[], command: string, first: string): ServedKind | undefined {
  switch (command) {
    case "update":
      return first === "history" ? microservice : update;
    case "job":
      return first === "stop" ? jobRun : job;
    default:
      // `gateway forget NAME`, `hosts NAME`, `get KIND NAME`.
      return findServed(kinds, command) ?? findServed(kinds, first);
  }
}

async function namesOf(of: readonly ServedKind[], names: Names): Promise<readonly string[]> {
  return (await Promise.all(of.map((kind) => names.of(kind)))).flat();
}

/** Told to the shell in place of candidates: it completes names of files. */
export const FILES_WANTED = ":files";

/** What a shell evaluates so that Tab completes `orrery`. */
export const COMPLETION_SCRIPTS: Readonly<Record<"bash" | "zsh" | "fish", string>> = {
  bash: `# Tab completion of orrery for bash: source <(orrery completion bash)
_orrery() {
  local answer
  answer=$("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=()
  if [ "$answer" = "${FILES_WANTED}" ]; then
    compopt -o default 2>/dev/null
  elif [ -n "$answer" ]; then
    mapfile -t COMPREPLY <<<"$answer"
    case \${COMPREPLY[0]} in */) compopt -o nospace 2>/dev/null ;; esac
  fi
}
complete -F _orrery orrery
`,
  zsh: `#compdef orrery
# Tab completion of orrery for zsh: source <(orrery completion zsh)
_orrery() {
  local -a answer
  answer=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$answer[1]" == "${FILES_WANTED}" ]]; then
    _files
  elif [[ -n "$answer[1]" ]]; then
    compadd -- "\${answer[@]}"
  fi
}
compdef _orrery orrery
`,
  fish: `# Tab completion of orrery for fish: orrery completion fish | source
function __orrery_complete
  set -l words (commandline -opc)
  set -l answer ($words[1] complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
  if test "$answer[1]" = "${FILES_WANTED}"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c orrery -f -a '(__orrery_complete)'
`,
};
