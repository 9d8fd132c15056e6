import { readSettings } from "./settings.ts";
import { TokensV2 } from "./token.ts";

/** Script `selftest`: makes a token, verifies it, and sees that a damaged, an expired and a foreign one are refused. */
const { secret, tokenLifeS } = readSettings();
const tokens = new TokensV2(secret);
const nowS = Math.floor(Date.now() / 1000);
const token = tokens.issue("selftest", tokenLifeS, nowS);
const checks: readonly [string, boolean][] = [
  ["a fresh token is valid", tokens.verify(token, nowS).isValid],
  ["a damaged token is refused", !tokens.verify(`x${token}`, nowS).isValid],
  ["an expired token is refused", !tokens.verify(token, nowS + tokenLifeS).isValid],
  ["a token of another key is refused", !tokens.verify(new TokensV2(`${secret}.`).issue("selftest", tokenLifeS, nowS), nowS).isValid],
  ["a token of version 1 is refused", !tokens.verify("e30.AA", nowS).isValid],
];
for (const [name, isGood] of checks) console.log(`${isGood ? "ok  " : "FAIL"} ${name}`);
process.exit(checks.every(([, isGood]) => isGood) ? 0 : 1);
