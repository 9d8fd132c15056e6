/** Loopback ports that are given to services which name none. Below the range of instances' own ports. */
export const SERVICE_PORTS = { first: 10_000, last: 19_999 } as const;

/** A port for `service`: always the same first choice for a site and a name, the next free one if that is taken; `undefined` when all are. */
export function choosePort(site: string, service: string, taken: ReadonlySet<number>): number | undefined {
  const count = SERVICE_PORTS.last - SERVICE_PORTS.first + 1;
  const start = fnv1a(`${site}/${service}`) % count;
  for (let offset = 0; offset < count; offset++) {
    const port = SERVICE_PORTS.first + ((start + offset) % count);
    if (!taken.has(port)) return port;
  }
  return undefined;
}

/** FNV-1a, 32 bit (G. Fowler, L. C. Noll, K.-P. Vo). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
