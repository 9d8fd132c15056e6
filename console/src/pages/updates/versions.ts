/** `auth-v2-1a2b3c4d` is `v2` of auth; what is no revision of it stays as it is. */
export function shortRevision(service: string, to: string): string {
  return to.startsWith(`${service}-`) ? to.slice(service.length + 1).replace(/-[0-9a-f]{6,}$/, "") : to;
}
