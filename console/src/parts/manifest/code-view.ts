/** The editor itself: YAML in a shadow root, since what it draws with are style sheets of its own, which the page's policy lets in nowhere else. */
import { autocompletion, type Completion, type CompletionContext, type CompletionResult, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { codeSheet } from "../code-sheet.ts";
import type { Problem } from "./document.ts";
import { pathOfLine } from "./place.ts";
import { type KindSchema, typeText } from "./schema.ts";

export interface CodeViewOptions {
  readonly host: HTMLElement;
  readonly text: string;
  readonly label: string;
  readonly isReadOnly: boolean;
  readonly schema: () => KindSchema | undefined;
  readonly onText: (text: string) => void;
  /** Ctrl-Enter: on to what comes of it. */
  readonly onDone: () => void;
  readonly requiredText: string;
}

/** One open editor. */
export class CodeView {
  readonly #view: EditorView;
  readonly #readOnly = new Compartment();

  constructor(options: CodeViewOptions) {
    const root = options.host.shadowRoot ?? options.host.attachShadow({ mode: "open" });
    root.replaceChildren();
    const place = document.createElement("div");
    place.className = "place";
    root.append(place);
    root.adoptedStyleSheets = [codeSheet()];
    this.#view = new EditorView({
      root,
      parent: place,
      state: EditorState.create({
        doc: options.text,
        extensions: [
          lineNumbers(),
          foldGutter(),
          history(),
          drawSelection(),
          bracketMatching(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          indentUnit.of("  "),
          EditorState.tabSize.of(2),
          EditorView.lineWrapping,
          yaml(),
          syntaxHighlighting(STYLE),
          lintGutter(),
          autocompletion({ override: [(context) => complete(context, options)], icons: false }),
          hoverTooltip((view, position) => describe(view, position, options.schema())),
          this.#readOnly.of(EditorState.readOnly.of(options.isReadOnly)),
          EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false", tabindex: "0" }),
          // What is open in the editor is closed first; Escape alone gives Tab back to the page.
          keymap.of([
            {
              key: "Mod-Enter",
              run: () => {
                options.onDone();
                return true;
              },
            },
            {
              // Not the browser's: it would save the page as a file.
              key: "Mod-s",
              run: () => {
                options.onDone();
                return true;
              },
            },
            ...completionKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) options.onText(update.state.doc.toString());
          }),
        ],
      }),
    });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  /** Takes the place of the text; what was typed can be had back by Ctrl-Z. */
  set text(text: string) {
    if (text !== this.text) this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  set isReadOnly(isReadOnly: boolean) {
    this.#view.dispatch({ effects: this.#readOnly.reconfigure(EditorState.readOnly.of(isReadOnly)) });
  }

  set problems(problems: readonly Problem[]) {
    const { length } = this.#view.state.doc;
    const diagnostics = problems.map(({ from, to, message }): Diagnostic => {
      const line = this.#view.state.doc.lineAt(Math.min(from, length));
      const [start, end] = to > from ? [from, to] : [line.from, line.to];
      return { from: Math.min(start, length), to: Math.min(end, length), severity: "error", message };
    });
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
  }

  focus(): void {
    this.#view.focus();
  }

  /** Puts the cursor to a place and shows it. */
  goTo(position: number): void {
    const at = Math.min(position, this.#view.state.doc.length);
    this.#view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.#view.focus();
  }

  destroy(): void {
    this.#view.destroy();
  }
}

function complete(context: CompletionContext, { schema: find, requiredText }: CodeViewOptions): CompletionResult | null {
  const schema = find();
  if (schema === undefined) return null;
  const { doc } = context.state;
  const line = doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const lines = linesOf(context.state);
  const value = /^(\s*(?:- +)*)([\w.-]+):\s+(\S*)$/.exec(before);
  if (value !== null) {
    const options = schema.valuesAt(pathOfLine(lines, line.number - 1)).map((label): Completion => ({ label, type: "constant" }));
    return options.length === 0 ? null : { from: context.pos - (value[3]?.length ?? 0), options, validFor: /^\S*$/ };
  }
  const key = /^(\s*(?:- +)*)([\w.-]*)$/.exec(before);
  if (key === null || (!context.explicit && key[2] === "")) return null;
  const [, indent = "", typed = ""] = key;
  // As if nothing were typed yet: the place is that of the column.
  const blank = lines.with(line.number - 1, indent.includes("-") ? `${indent}x:` : "");
  const path = indent.includes("-") ? pathOfLine(blank, line.number - 1).slice(0, -1) : pathOfLine(blank, line.number - 1, indent.length);
  const present = siblings(lines, line.number - 1, indent.length);
  const options = schema
    .fieldsAt(path)
    .filter(({ name }) => !present.has(name) || name === typed)
    .map(({ name, schema: one, isRequired }): Completion => {
      const isNested = one.type === "object" || one.type === "array";
      return {
        label: name,
        apply: isNested ? `${name}:\n${" ".repeat(indent.length + 2)}${one.type === "array" ? "- " : ""}` : `${name}: `,
        detail: ` ${typeText(one)}${isRequired ? ` · ${requiredText}` : ""}`,
        ...(one.description !== undefined && { info: one.description }),
        type: "property",
        boost: isRequired ? 1 : 0,
      };
    });
  return options.length === 0 ? null : { from: context.pos - typed.length, options, validFor: /^[\w.-]*$/ };
}

/** Keys that stand in the same map already. */
function siblings(lines: readonly string[], index: number, column: number): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (step: number): void => {
    for (let at = index + step; at >= 0 && at < lines.length; at += step) {
      const text = lines[at] ?? "";
      if (text.trim() === "" || text.trimStart().startsWith("#")) continue;
      const match = /^(\s*(?:- +)*)([\w.-]+):/.exec(text);
      const at0 = match?.[1]?.length ?? text.length - text.trimStart().length;
      if (at0 < column) return;
      if (at0 === column && match?.[2] !== undefined) found.add(match[2]);
      // A dash begins, or ends, the map.
      if (at0 === column && match?.[1]?.includes("-") === true) return;
    }
  };
  look(-1);
  look(1);
  return found;
}

function describe(view: EditorView, position: number, schema: KindSchema | undefined) {
  const line = view.state.doc.lineAt(position);
  const key = /^\s*(?:- +)*([\w."'-]+):/.exec(line.text);
  if (schema === undefined || key === null) return null;
  const path = pathOfLine(linesOf(view.state), line.number - 1);
  const found = schema.describe(path);
  if (found === undefined) return null;
  return {
    pos: line.from + (line.text.length - line.text.trimStart().length),
    end: line.from + key[0].length,
    above: true,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "about";
      const name = document.createElement("b");
      name.textContent = path.map(String).join(".");
      const type = document.createElement("span");
      type.textContent = ` ${typeText(found)}${found.default === undefined ? "" : ` = ${JSON.stringify(found.default)}`}`;
      const text = document.createElement("p");
      text.textContent = found.description ?? "";
      dom.append(name, type, text);
      return { dom };
    },
  };
}

function linesOf(state: EditorState): readonly string[] {
  return state.doc.toString().split("\n");
}

const STYLE = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--text)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string), tags.content], color: "var(--text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom], color: "var(--accent)" },
  { tag: [tags.comment, tags.meta, tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--text-2)" },
]);
