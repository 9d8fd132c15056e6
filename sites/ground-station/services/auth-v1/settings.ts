/** What the service needs from its environment; says what is missing and ends the process with 1 if anything is. */
export interface Settings {
  readonly secret: string;
  /** Client id → client secret. */
  readonly clients: ReadonlyMap<string, string>;
  readonly tokenLifeS: number;
}

export function readSettings(): Settings {
  const secret = process.env.AUTH_SECRET ?? "";
  if (secret.length < 16) fail("AUTH_SECRET must be set to at least 16 characters: the secret that token keys are derived from.");
  const clients = new Map<string, string>();
  for (const entry of (process.env.AUTH_CLIENTS ?? "").split(",")) {
    const colon = entry.indexOf(":");
    if (colon > 0) clients.set(entry.slice(0, colon).trim(), entry.slice(colon + 1).trim());
  }
  if (clients.size === 0) fail("AUTH_CLIENTS must be set: who may ask for tokens, as id:secret,id:secret.");
  const tokenLifeS = Number(process.env.AUTH_TOKEN_LIFE_S ?? 300);
  if (!Number.isInteger(tokenLifeS) || tokenLifeS < 1 || tokenLifeS > 86_400)
    fail("AUTH_TOKEN_LIFE_S must be a whole number of seconds from 1 to 86400.");
  return { secret, clients, tokenLifeS };
}

function fail(message: string): never {
  console.error(`auth: ${message}`);
  process.exit(1);
}
