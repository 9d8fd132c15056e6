let sheet: CSSStyleSheet | undefined;

/** How editors look: in their shadow roots, where the page's own style sheets do not reach. */
export function codeSheet(): CSSStyleSheet {
  if (sheet !== undefined) return sheet;
  sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: block; min-height: 0; }
    .place { height: 100%; }
    .cm-editor { height: 100%; background: var(--ground); color: var(--text); font-size: 12px; border: 1px solid var(--line); border-radius: 4px; }
    .cm-editor.cm-focused { outline: 2px solid var(--accent); outline-offset: -1px; }
    .cm-scroller { font-family: var(--mono) !important; line-height: 18px !important; }
    .cm-gutters { background: var(--ground) !important; color: var(--text-2) !important; border-right: 1px solid var(--line) !important; }
    .cm-activeLine, .cm-activeLineGutter { background: var(--accent-ground) !important; }
    .cm-content { caret-color: var(--text); padding: 6px 0 !important; }
    .cm-cursor { border-left-color: var(--text) !important; }
    .cm-selectionBackground { background: var(--glow) !important; }
    .cm-tooltip { background: var(--panel) !important; color: var(--text) !important; border: 1px solid var(--line-strong) !important; border-radius: 4px; font: 12px/18px var(--font); max-width: 420px; }
    .cm-tooltip-autocomplete > ul { font-family: var(--mono) !important; }
    .cm-tooltip-autocomplete > ul > li { padding: 2px 8px !important; }
    .cm-tooltip-autocomplete > ul > li[aria-selected] { background: var(--accent-ground) !important; color: var(--text) !important; box-shadow: inset 2px 0 var(--accent); }
    .cm-completionDetail { color: var(--text-2); font-style: normal !important; }
    .cm-completionInfo { padding: 6px 10px !important; }
    .cm-completionMatchedText { text-decoration: none !important; color: var(--accent); font-weight: 600; }
    .cm-diagnostic-error { border-left: 3px solid var(--critical) !important; padding: 4px 8px !important; }
    .cm-lintRange-error { background-image: none !important; text-decoration: underline wavy var(--critical) 1px; text-underline-offset: 3px; }
    .cm-lint-marker-error { content: none !important; width: 9px !important; height: 9px !important; margin: 4px 2px; background: var(--critical); transform: rotate(45deg) scale(0.8); }
    .cm-foldGutter { min-width: 12px; }
    .about { padding: 6px 10px; }
    .about span { color: var(--text-2); }
    .about p { margin: 4px 0 0; }
  `);
  return sheet;
}
