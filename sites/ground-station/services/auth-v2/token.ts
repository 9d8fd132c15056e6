import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, randomUUID, sign, verify } from "node:crypto";

/** What a token says. Times are seconds since 1970. */
export interface Claims {
  readonly v: 2;
  readonly subject: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly id: string;
}

export type Verdict =
  | { readonly isValid: true; readonly claims: Claims }
  | { readonly isValid: false; readonly code: string; readonly reason: string };

/** RFC 8410: the fixed head of an Ed25519 private key in PKCS #8; the 32-byte seed follows. */
const ED25519_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** Tokens of version 2: `gs2.base64url(claims).base64url(Ed25519 signature)`, the key's seed being HKDF-SHA512 of the secret. */
export class TokensV2 {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  constructor(secret: string) {
    const seed = Buffer.from(hkdfSync("sha512", secret, "ground-station", "token v2", 32));
    this.#privateKey = createPrivateKey({ key: Buffer.concat([ED25519_HEAD, seed]), format: "der", type: "pkcs8" });
    this.#publicKey = createPublicKey(this.#privateKey);
  }

  /** A token for `subject`, good for `lifeS` seconds from `nowS`. */
  issue(subject: string, lifeS: number, nowS: number): string {
    const claims: Claims = { v: 2, subject, issuedAt: nowS, expiresAt: nowS + lifeS, id: randomUUID() };
    const signed = `gs2.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
    return `${signed}.${sign(null, Buffer.from(signed), this.#privateKey).toString("base64url")}`;
  }

  verify(token: string, nowS: number): Verdict {
    const [mark, body, signature, ...rest] = token.split(".");
    if (mark !== "gs2") {
      if (isVersion1(token))
        return refuse("token-version-mismatch", "This token is of version 1 and this is auth v2, which can verify tokens of version 2 only.");
      return refuse("token-malformed", "A token of version 2 begins with gs2.");
    }
    if (body === undefined || signature === undefined || rest.length > 0)
      return refuse("token-malformed", "A token of version 2 has three parts joined by dots.");
    const isSigned = verify(null, Buffer.from(`gs2.${body}`), this.#publicKey, Buffer.from(signature, "base64url"));
    if (!isSigned) return refuse("token-signature", "The token's signature is not from this service's key.");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Claims;
    if (claims.expiresAt <= nowS) return refuse("token-expired", `The token expired ${nowS - claims.expiresAt} s ago.`);
    return { isValid: true, claims };
  }

  /** First 16 hex digits of the public key's SHA-256: tells two keys apart. */
  get fingerprint(): string {
    return createHash("sha256")
      .update(this.#publicKey.export({ format: "der", type: "spki" }))
      .digest("hex")
      .slice(0, 16);
  }
}

/** Two parts, the first a JSON object: that is how version 1 looks. */
function isVersion1(token: string): boolean {
  const [body, signature, ...rest] = token.split(".");
  if (body === undefined || signature === undefined || rest.length > 0) return false;
  try {
    const value: unknown = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

function refuse(code: string, reason: string): Verdict {
  return { isValid: false, code, reason };
}
