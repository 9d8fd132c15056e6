/** Steps one after the other; the calls of a step at the same time; `times` calls of one service in turn. */
export type Calls = readonly (readonly { readonly service: string; readonly times: number }[])[];

/** Reads `stock*2 + price; orders`: `;` then, `+` at the same time, `*n` so many times in turn. Throws with the part that it cannot read. */
export function parseCalls(text: string): Calls {
  if (text.trim() === "") return [];
  return text.split(";").map((step) => step.split("+").map(parseCall));
}

function parseCall(text: string): { service: string; times: number } {
  const found = /^([a-z][-a-z0-9]*)(?:\*([1-9]\d?))?$/.exec(text.trim());
  if (found?.[1] === undefined) throw new Error(`CALLS: cannot read "${text.trim()}"; write services as in: stock*2 + price; orders`);
  return { service: found[1], times: Number(found[2] ?? 1) };
}
