import { readSettings } from "./settings.ts";
import { TokensV2 } from "./token.ts";

/** Script `key-report`: which key signs, who may ask, how long tokens live; shows no secret. */
const { secret, clients, tokenLifeS } = readSettings();
console.log(
  JSON.stringify(
    { version: "v2", algorithm: "Ed25519", keyFingerprint: new TokensV2(secret).fingerprint, clients: [...clients.keys()], tokenLifeS },
    null,
    2,
  ),
);
