import { hash } from "node:crypto";
import { join } from "node:path";
import { OrreryError, type Random } from "#/base/index.ts";
import { isPrivate, keepFile } from "./kept-file.ts";

/** Who asks: a name, and the groups that roles are given to. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The users of a site: each has a token in `<data>/tokens/<name>`. */
export const users: readonly User[] = [
  { name: "admin", groups: ["orrery:admins"] },
  { name: "viewer", groups: ["orrery:viewers"] },
  { name: "agent", groups: ["orrery:agents"] },
  { name: "gateway", groups: ["orrery:gateways"] },
];

/** Answers who holds a token; `undefined`: nobody. */
export type Authenticate = (token: string) => User | undefined;

const TOKEN = /^[\w.~+/=-]{16,512}$/;

/** Reads the token of every user from `folder`; missing ones are made (256 random bits, mode 0600). Returns tokens by user name.
 *  @throws pki/damaged: a token file is empty, holds something else, or may be read by others
 *  @throws pki/unwritable, pki/unreadable */
export async function ensureTokens(folder: string, random: Random): Promise<ReadonlyMap<string, string>> {
  const tokens = new Map<string, string>();
  for (const user of users) {
    const path = join(folder, user.name);
    const token = (await keepFile(path, () => `${Buffer.from(random.bytes(32)).toString("base64url")}\n`, random)).trim();
    if (!TOKEN.test(token)) throw new OrreryError("pki/damaged", `${path} holds no token; remove it and start again: a new one is made`);
    if (!(await isPrivate(path)))
      throw new OrreryError(
        "pki/damaged",
        `${path} may be read by others; run: chmod 600 ${path} (and replace the token if somebody may have seen it)`,
      );
    tokens.set(user.name, token);
  }
  return tokens;
}

/** Knows the users by the tokens of `ensureTokens`. Tokens are compared by their hash, so that time tells nothing about them. */
export function tokenAuthenticator(tokens: ReadonlyMap<string, string>): Authenticate {
  const digest = (token: string): string => hash("sha256", token, "base64");
  const byDigest = new Map<string, User>();
  for (const user of users) {
    const token = tokens.get(user.name);
    if (token !== undefined) byDigest.set(digest(token), user);
  }
  return (token) => (TOKEN.test(token) ? byDigest.get(digest(token)) : undefined);
}
