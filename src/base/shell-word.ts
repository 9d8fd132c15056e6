/** A word of a command that someone is told to type, as a shell reads it: every name and path in a proposal goes through this. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./][\w@%+=:,./-]*$/.test(word)) return word;
  // In $'…' nothing is obeyed either, and what cannot be seen is written.
  if (/\p{Cc}/u.test(word))
    return `$'${word.replace(/[\\']/g, "\\$&").replace(/\p{Cc}/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)}'`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
