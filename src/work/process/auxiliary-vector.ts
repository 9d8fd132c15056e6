const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;

/** Page size and clock ticks from the auxiliary vector that the kernel gives each program (getauxval(3)), of a 64-bit little-endian machine.
 *  The usual 4096 and 100 stand in for entries that are missing. */
export function readAuxiliaryVector(vector: Uint8Array): { readonly pageBytes: number; readonly ticksPerSecond: number } {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  let pageBytes = 4096;
  let ticksPerSecond = 100;
  for (let offset = 0; offset + 16 <= view.byteLength; offset += 16) {
    const type = view.getBigUint64(offset, true);
    const value = Number(view.getBigUint64(offset + 8, true));
    if (type === AT_PAGESZ) pageBytes = value;
    if (type === AT_CLKTCK) ticksPerSecond = value;
  }
  return { pageBytes, ticksPerSecond };
}
