/** What stands in the place of a secret. */
export const MASK = "(secret)";

/** A shorter secret would be found in every second word. */
const SECRET_CHARACTERS_MIN = 6;
const SECRETS_MAX = 1_000;

const NAMES =
  "pass(?:word|wd|phrase)?|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|token|access[_-]?token|refresh[_-]?token|id[_-]?token|auth[_-]?token|session[_-]?id|credentials?";
/** `password=x`, `"password": "x"`, `DB_PASSWORD: x`. A number of characters behind a word such as `token` that is no value (`token expired`) stays. */
const QUOTED = new RegExp(`((?:[\\w.-]{0,40}[_.-])?(?:${NAMES})(?:\\\\?["'])?\\s{0,3}[=:]\\s{0,3})(["'])((?:\\\\.|(?!\\2)[^\\\\\\n])+)`, "gi");
/** The same in a text within a text. */
const ESCAPED = new RegExp(`((?:[\\w.-]{0,40}[_.-])?(?:${NAMES})\\\\["']\\s{0,3}[=:]\\s{0,3})(\\\\["'])((?:(?!\\\\["'])[^\\n])+)`, "gi");
const BARE = new RegExp(`((?:^|[^\\w])(?:[\\w.-]{0,40}[_.-])?(?:${NAMES})\\s{0,3}[=:]\\s{0,3})([^\\s"'&,;<>{}()[\\]\\\\]+)`, "gi");
const AUTHORIZATION = /((?:proxy-)?authorization["']?\s{0,3}[=:]\s{0,3}["']?(?:basic|bearer|digest|negotiate|token|apikey)?\s{0,3})([^\s"',]{3,})/gi;
const COOKIE = /((?:set-)?cookie["']?\s{0,3}:\s{0,3}["']?)([^"'\n]{3,})/gi;
const BEARER = /(\bbearer\s{1,3})([\w~+/.-]{16,}=*)/gi;
const IN_URL = /([a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"']{0,200}:)([^\s/@"']{1,200})(?=@)/gi;
/** JSON web tokens, keys of cloud providers, code hosts and chats. */
const KNOWN =
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}|\bxox[abpors]-[\w-]{10,}|\bglpat-[\w-]{20,}|\bAIza[\w-]{35}|\bsk_live_\w{16,}/g;
const PRIVATE_KEY = /(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[^-]+/g;

/** What any of the patterns needs: most lines have nothing of it. */
const MAY =
  /pass|secret|key|token|session|credential|authorization|cookie|bearer|:\/\/|eyJ|AKIA|ASIA|gh[pousr]_|github_pat|xox|glpat|AIza|sk_live|PRIVATE/i;

/** Hides what looks like a secret, and those that are known by their value. */
export class Masker {
  readonly #known: readonly string[];

  /** `known`: values that must not be seen; those shorter than 6 characters cannot be told from words. */
  constructor(known: readonly string[] = []) {
    this.#known = [...new Set(known.filter((one) => one.length >= SECRET_CHARACTERS_MIN))].sort((a, b) => b.length - a.length).slice(0, SECRETS_MAX);
  }

  mask(text: string): string {
    let masked = text;
    for (const secret of this.#known) if (masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
    if (!MAY.test(masked)) return masked;
    return masked
      .replace(PRIVATE_KEY, hide)
      .replace(AUTHORIZATION, hide)
      .replace(COOKIE, hide)
      .replace(BEARER, hide)
      .replace(QUOTED, hideQuoted)
      .replace(ESCAPED, hideQuoted)
      .replace(BARE, hide)
      .replace(IN_URL, hide)
      .replace(KNOWN, MASK);
  }
}

function hideQuoted(_: string, head: string, quote: string): string {
  return `${head}${quote}${MASK}`;
}

function hide(_: string, head: string, value: unknown): string {
  if (typeof value !== "string") return `${head}${MASK}`;
  return value.startsWith(MASK) || /^(?:null|undefined|none|true|false|\*+)$/i.test(value) ? `${head}${value}` : `${head}${MASK}`;
}
