import { readSettings } from "./settings.ts";
import { TokensV1 } from "./token.ts";

/** Script `key-report`: which key signs, who may ask, how long tokens live; shows no secret. */
const { secret, clients, tokenLifeS } = readSettings();
console.log(
  JSON.stringify(
    { version: "v1", algorithm: "HMAC-SHA256", keyFingerprint: new TokensV1(secret).fingerprint, clients: [...clients.keys()], tokenLifeS },
    null,
    2,
  ),
);
