/** FNV-1a of the UTF-16 units of `text`, 32 bit, unsigned (G. Fowler, L. C. Noll, K.-P. Vo). Another `basis` than theirs gives a hash of its own. Spreads and compares; guards against nobody. */
export function fnv1a(text: string, basis = 0x811c_9dc5): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return hash >>> 0;
}
