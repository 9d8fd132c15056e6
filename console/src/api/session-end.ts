/** What the server says when a session has ended begins with that; the page says it by itself. Pure. */

const SAID = [
  /^unauthorized: */i,
  /^(?:your|the) session (?:has|was) ended[:;.]? */i,
  /^this has ended: */i,
  /;? *log in(?: again)?\.?$/i,
  /, or never was$/i,
  /^it was ended$/i,
  /^there is no such session$/i,
];

/** Why it has ended, without that it has; undefined: no more is known. */
export function reasonOfEnd(message: string): string | undefined {
  let rest = message.trim();
  for (let before = ""; before !== rest; ) {
    before = rest;
    for (const said of SAID) rest = rest.replace(said, "").trim();
  }
  return /[\p{L}\p{N}]/u.test(rest) ? rest : undefined;
}
