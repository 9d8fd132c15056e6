/** True if `text` is a duration as the model writes them. Apart from the model, which takes 0.1 s to load: the parser of the command line needs no more of it. */
export function isDuration(text: string): boolean {
  return /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text);
}
