import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import { type DeviceProfile, parseProfile } from "./profile.ts";

/** Profiles that are shipped. */
export const PROFILES: string = path.join(import.meta.dirname, "../../../profiles");
const BYTES_MAX = 262_144;
const KEPT_MAX = 200;

/** Profiles by name: a site's own, which lie in the folder of a probe, go before those that are shipped. Each is read once, and again when its file has changed. */
export class ProfileFiles {
  readonly #kept = new Map<string, { readonly stamp: string; readonly profile: DeviceProfile }>();

  /** @throws devices/profile: there is none of that name, or it is wrong */
  get(title: string, folder: string): DeviceProfile {
    const file = find(title, folder);
    const { mtimeMs, size, ino } = statSync(file);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    const kept = this.#kept.get(file);
    if (kept?.stamp === stamp) return kept.profile;
    const profile = parseProfile(title, readFileSync(file, "utf8"), (one) => readFileSync(find(one, folder), "utf8"));
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(file, { stamp, profile });
    return profile;
  }
}

function find(title: string, folder: string): string {
  if (!/^[A-Za-z0-9][-A-Za-z0-9_]{0,60}$/.test(title))
    throw new OrreryError("devices/profile", `${JSON.stringify(title)} is no name of a device profile`);
  for (const place of [folder, PROFILES]) {
    const file = path.join(place, `${title}.yaml`);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true) continue;
    if (stat.size > BYTES_MAX) throw new OrreryError("devices/profile", `device profile ${title} has more than ${BYTES_MAX} bytes`);
    return file;
  }
  throw new OrreryError(
    "devices/profile",
    `there is no device profile ${title}: shipped are generic, cisco, h3c, huawei, ups; one of your own is a file ${title}.yaml that files of the Resource bring`,
  );
}
