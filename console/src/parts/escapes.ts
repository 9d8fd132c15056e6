/** What programs write for terminals, as a page may show it. Pure. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is looked for
const ESCAPES = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]+[0-~]|\u001b[@-_]?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** They would change in which order the rest of the page is read. */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A line without colours and cursor movements; other control characters, and those that turn the direction of text, are shown as `�`. */
export function withoutEscapes(line: string): string {
  return line.replace(ESCAPES, "").replace(CONTROLS, "�").replace(DIRECTIONS, "�");
}
