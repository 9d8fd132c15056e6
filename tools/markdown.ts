/** Reading of our own documents: as much of Markdown as they use. Pure. */

/** Something found in a document, and where. */
export interface Found {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** Targets of links `[text](target)` outside code. */
export function findLinks(text: string): Found[] {
  const found: Found[] = [];
  for (const { line, content, isCode } of readLines(text)) {
    if (isCode) continue;
    for (const [, target] of content.replace(/`[^`]*`/g, "").matchAll(/\]\(([^()\s]+)\)/g)) found.push({ line, text: target ?? "" });
  }
  return found;
}

/** The names by which headings are linked to, as GitHub makes them: lower case, spaces as `-`, no punctuation; a repeated one gets a number. */
export function findAnchors(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const { content, isCode } of readLines(text)) {
    const heading = isCode ? undefined : /^#{1,6}\s+(.*?)\s*#*$/.exec(content)?.[1];
    if (heading === undefined) continue;
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const name = plain.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    let anchor = name;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${name}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The words of each `./orrery …` that a document tells people to run, without the comment behind it. In a sentence only what stands in backquotes. */
export function findCommands(text: string): Found[] {
  const found: Found[] = [];
  for (const { line, content, isCode } of readLines(text)) {
    const pieces = isCode ? [content] : [...content.matchAll(/`([^`]*)`/g)].map(([, piece]) => piece ?? "");
    for (const piece of pieces) {
      for (const [, words] of piece.matchAll(/(?:^|[\s;&|(])\.\/orrery\b([^#|;&)]*)/g)) found.push({ line, text: (words ?? "").trim() });
    }
  }
  return found;
}

interface Line {
  readonly line: number;
  readonly content: string;
  /** Inside a fenced block. */
  readonly isCode: boolean;
}

function readLines(text: string): Line[] {
  let isCode = false;
  return text.split("\n").map((content, index) => {
    const isFence = content.trimStart().startsWith("```");
    if (isFence) isCode = !isCode;
    return { line: index + 1, content, isCode: isCode && !isFence };
  });
}
