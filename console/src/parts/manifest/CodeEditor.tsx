import { useEffect, useRef } from "react";
import { useTexts } from "../../texts/index.ts";
import { CodeView } from "./code-view.ts";
import type { Problem } from "./document.ts";
import type { KindSchema } from "./schema.ts";

interface CodeEditorProps {
  /** What it begins with. */
  readonly text: string;
  /** Takes the place of what stands there; another object each time. */
  readonly given: { readonly text: string };
  readonly onText: (text: string) => void;
  readonly onDone: () => void;
  readonly problems: readonly Problem[];
  readonly schema: KindSchema | undefined;
  readonly label: string;
  readonly isReadOnly: boolean;
  /** Somebody has typed what is not sent. */
  readonly isUnsaved: boolean;
  /** Where the cursor is to go; another object each time. */
  readonly goTo: { readonly position: number } | undefined;
  /** Something else stands in its place; when it is back, it has the focus, and Ctrl-Z goes back as far as before. */
  readonly isAway: boolean;
}

/** A YAML editor: completion and what a field means by the schema, problems in place. */
export function CodeEditor({ text, given, onText, onDone, problems, schema, label, isReadOnly, isUnsaved, goTo, isAway }: CodeEditorProps) {
  const t = useTexts("manifest");
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<CodeView>(undefined);
  const latest = useRef({ schema, onText, onDone });
  latest.current = { schema, onText, onDone };
  const first = useRef({ text, label, isReadOnly, requiredText: t("required") });
  useEffect(() => {
    if (host.current === null) return;
    view.current = new CodeView({
      ...first.current,
      host: host.current,
      schema: () => latest.current.schema,
      onText: (typed) => latest.current.onText(typed),
      onDone: () => latest.current.onDone(),
    });
    return () => view.current?.destroy();
  }, []);
  const shown = useRef(given);
  useEffect(() => {
    if (view.current !== undefined && shown.current !== given) view.current.text = given.text;
    shown.current = given;
  }, [given]);
  useEffect(() => {
    if (view.current !== undefined) view.current.isReadOnly = isReadOnly;
  }, [isReadOnly]);
  useEffect(() => {
    if (view.current !== undefined) view.current.problems = problems;
  }, [problems]);
  useEffect(() => {
    if (goTo !== undefined) view.current?.goTo(goTo.position);
  }, [goTo]);
  const wasAway = useRef(isAway);
  useEffect(() => {
    if (wasAway.current && !isAway) view.current?.focus();
    wasAway.current = isAway;
  }, [isAway]);
  return (
    <div
      ref={host}
      className="code"
      {...(isUnsaved && { "data-unsaved": "" })}
      onKeyDown={(event) => {
        // What Escape closes in the editor must not close the drawer.
        if (event.key === "Escape") event.preventDefault();
      }}
    />
  );
}
