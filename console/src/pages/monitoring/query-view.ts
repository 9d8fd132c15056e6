/** The field for a question: PromQL in a shadow root, completed by what the store of series knows. */
import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type PrometheusClient, PromQLExtension } from "@prometheus-io/codemirror-promql";
import { send } from "../../api/request.ts";
import { codeSheet } from "../../parts/code-sheet.ts";

export interface QueryViewOptions {
  readonly host: HTMLElement;
  readonly text: string;
  readonly label: string;
  readonly hint: string;
  /** Enter: this is the question. */
  readonly onDone: (text: string) => void;
}

const STYLE = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--accent)" },
  { tag: [tags.string], color: "var(--normal)" },
  { tag: [tags.comment], color: "var(--text-2)" },
  { tag: [tags.number], color: "var(--text)" },
]);

export class QueryView {
  readonly #view: EditorView;
  readonly #promql = new PromQLExtension();

  constructor({ host, text, label, hint, onDone }: QueryViewOptions) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    root.replaceChildren();
    const place = document.createElement("div");
    place.className = "place";
    root.append(place);
    root.adoptedStyleSheets = [codeSheet()];
    // What cannot be read the centre says better: with the place, and what is not evaluated.
    this.#promql.activateLinter(false).setComplete({ remote: client() });
    this.#view = new EditorView({
      root,
      parent: place,
      state: EditorState.create({
        doc: text,
        extensions: [
          history(),
          drawSelection(),
          bracketMatching(),
          autocompletion({ icons: false }),
          this.#promql.asExtension(),
          syntaxHighlighting(STYLE),
          EditorView.lineWrapping,
          placeholder(hint),
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          keymap.of([
            ...completionKeymap,
            {
              key: "Enter",
              run: ({ state }) => {
                onDone(state.doc.toString().trim());
                return true;
              },
              shift: () => false,
            },
            ...defaultKeymap,
            ...historyKeymap,
          ]),
        ],
      }),
    });
  }

  get text(): string {
    return this.#view.state.doc.toString().trim();
  }

  set text(text: string) {
    if (text !== this.text) this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  destroy(): void {
    this.#view.destroy();
    this.#promql.destroy();
  }
}

const KEPT_MS = 60_000;

/** What the completion asks, by the API, as the person who is logged in. Without an answer it completes what PromQL itself has. */
function client(): PrometheusClient {
  const kept = new Map<string, { readonly untilMs: number; readonly answer: Promise<unknown> }>();
  const ask = <T>(path: string, otherwise: T): Promise<T> => {
    const known = kept.get(path);
    if (known !== undefined && known.untilMs > performance.now()) return known.answer as Promise<T>;
    const answer = send<{ readonly data: T }>({ path: `/prometheus/api/v1/${path}` }).then(
      ({ data }) => data,
      () => {
        kept.delete(path);
        return otherwise;
      },
    );
    kept.set(path, { untilMs: performance.now() + KEPT_MS, answer });
    return answer;
  };
  const match = (metric: string | undefined): string => (metric === undefined || metric === "" ? "" : `?match[]=${encodeURIComponent(metric)}`);
  return {
    labelNames: (metric) => ask(`labels${match(metric)}`, []),
    labelValues: (label, metric) => ask(`label/${encodeURIComponent(label)}/values${match(metric)}`, []),
    metricMetadata: () => ask("metadata", {}),
    series: async (metric) =>
      metric === "" ? [] : (await ask<Record<string, string>[]>(`series${match(metric)}`, [])).map((labels) => new Map(Object.entries(labels))),
    metricNames: () => ask("label/__name__/values", []),
    flags: async () => ({}),
  };
}
