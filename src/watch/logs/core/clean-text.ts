/** Colours, and other orders to a terminal: `ESC [ … letter`, `ESC ] … BEL`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const ORDERS = /\u001b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\u0007\u001b]{0,1024}(?:\u0007|\u001b\\)|[@-Z\\^_])/g;
/** What moves a cursor, or turns the order of letters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const ANY = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;

/** A line that nobody's terminal, page or file is changed by: orders to terminals are left out, other control characters are shown as pictures of themselves (`␀`), those that turn the order of letters as `\u202e`. A tab stays; a carriage return at the end goes. What is no UTF-8 has become U+FFFD before. */
export function cleanText(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  if (!ANY.test(text)) return text;
  return text.replace(ORDERS, "").replace(CONTROLS, pictureOf);
}

function pictureOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\\u${code.toString(16).padStart(4, "0")}`;
}
