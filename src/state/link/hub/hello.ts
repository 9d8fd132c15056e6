import { OrreryError } from "#/base/index.ts";
import type { User } from "#/pki/index.ts";
import type { Hello } from "../contract.ts";

/** What a component may call itself: by the group of its token. */
const GROUPS: Readonly<Record<Hello["component"], string>> = { agent: "orrery:agents", gateway: "orrery:gateways" };
const NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/** The hello in `params`, if `user` may say it to a centre of `version`.
 *  @throws link/refused: `message` says why and what to do */
export function checkHello(params: unknown, user: User, version: string): Hello {
  const hello = (typeof params === "object" && params !== null ? params : {}) as Partial<Record<keyof Hello, unknown>>;
  if (hello.component !== "agent" && hello.component !== "gateway") throw refused("hello names no component (agent or gateway)");
  for (const field of ["name", "host"] as const) {
    const value = hello[field];
    if (typeof value !== "string" || !NAME.test(value)) throw refused(`hello gives no usable ${field}`);
  }
  if (typeof hello.version !== "string") throw refused("hello gives no version");
  if (hello.incarnation !== undefined && !Number.isSafeInteger(hello.incarnation))
    throw refused("hello gives an incarnation that is no whole number");
  if (hello.formerUncleanAgoMs !== undefined && !(Number.isSafeInteger(hello.formerUncleanAgoMs) && Number(hello.formerUncleanAgoMs) >= 0))
    throw refused("hello gives a formerUncleanAgoMs that is no whole number of milliseconds");
  if (!user.groups.includes(GROUPS[hello.component]))
    throw refused(`user ${user.name} may not connect as ${hello.component}: use the token of ${hello.component}`);
  if (!isNear(hello.version, version))
    throw refused(`version ${hello.version} cannot work with the centre's ${version}: at most one release apart; update the older one`);
  return hello as Hello;
}

function refused(why: string): OrreryError {
  return new OrreryError("link/refused", why);
}

/** Releases are numbered major.minor; the same major, and minors at most one apart. */
function isNear(one: string, other: string): boolean {
  const [oneMajor, oneMinor] = one.split(".").map(Number);
  const [otherMajor, otherMinor] = other.split(".").map(Number);
  return oneMajor === otherMajor && Math.abs((oneMinor ?? Number.NaN) - (otherMinor ?? Number.NaN)) <= 1;
}
