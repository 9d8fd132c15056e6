/** Starts workers. The page's policy lets no address through but those of this origin, and those made here alone. */

interface AddressPolicy {
  createScriptURL(address: string): string;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { readonly createScriptURL: (address: string) => string }): AddressPolicy;
}

let policy: AddressPolicy | undefined;

/** A worker of this console: `address` comes from an import with `?worker&url`. */
export function startWorker(address: string): Worker {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy("orrery", { createScriptURL: ownAddress }) ?? { createScriptURL: ownAddress };
  return new Worker(policy.createScriptURL(address), { type: "module" });
}

function ownAddress(address: string): string {
  const { origin, pathname } = new URL(address, location.href);
  if (origin !== location.origin || !pathname.startsWith("/console/assets/")) throw new TypeError(`a worker of ${address} is none of this console's`);
  return address;
}
