import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";

/** What a token says. Times are seconds since 1970. */
export interface Claims {
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

export type Verdict =
  | { readonly isValid: true; readonly claims: Claims }
  | { readonly isValid: false; readonly code: string; readonly reason: string };

/** Tokens of version 1: `base64url(claims).base64url(HMAC-SHA256)`, the key being SHA-256 of a label and the secret. */
export class TokensV1 {
  readonly #key: Buffer;

  constructor(secret: string) {
    this.#key = createHash("sha256").update(`ground-station token v1\0${secret}`).digest();
  }

  /** A token for `subject`, good for `lifeS` seconds from `nowS`. */
  issue(subject: string, lifeS: number, nowS: number): string {
    const claims: Claims = { sub: subject, iat: nowS, exp: nowS + lifeS, jti: randomUUID() };
    const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${body}.${this.#sign(body).toString("base64url")}`;
  }

  verify(token: string, nowS: number): Verdict {
    if (token.startsWith("gs2.")) {
      return refuse("token-version-mismatch", "This token is of version 2 and this is auth v1, which can verify tokens of version 1 only.");
    }
    const [body, signature, ...rest] = token.split(".");
    if (body === undefined || signature === undefined || rest.length > 0)
      return refuse("token-malformed", "A token of version 1 has two parts joined by a dot.");
    const expected = this.#sign(body);
    const given = Buffer.from(signature, "base64url");
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      return refuse("token-signature", "The token's signature is not from this service's key.");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Claims;
    if (claims.exp <= nowS) return refuse("token-expired", `The token expired ${nowS - claims.exp} s ago.`);
    return { isValid: true, claims };
  }

  /** First 16 hex digits of the key's SHA-256: tells two keys apart without showing either. */
  get fingerprint(): string {
    return createHash("sha256").update(this.#key).digest("hex").slice(0, 16);
  }

  #sign(body: string): Buffer {
    return createHmac("sha256", this.#key).update(body).digest();
  }
}

function refuse(code: string, reason: string): Verdict {
  return { isValid: false, code, reason };
}
