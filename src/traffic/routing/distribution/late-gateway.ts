/** For people: that a gateway has not acknowledged `table`, why, and what to do. `tableFailure`: as in its report. */
export function describeLate(
  { name, isConnected, tableFailure }: { readonly name: string; readonly isConnected: boolean; readonly tableFailure?: string | undefined },
  table: string,
): string {
  if (!isConnected) return `gateway ${name} is not connected and cannot acknowledge ${table}; bring it back`;
  if (tableFailure === undefined)
    return `gateway ${name} has not yet acknowledged ${table}; normally that takes milliseconds, and if it lasts, its log says why (logs/gateway.log)`;
  return `gateway ${name} cannot acknowledge ${table}: its disk refuses to keep it (${tableFailure}). It goes on by itself when that is mended; is the disk full?`;
}
