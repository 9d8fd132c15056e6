/** Of a regular expression that is looked for. */
export const REGEX_CHARACTERS_MAX = 1_000;
