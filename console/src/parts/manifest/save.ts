/** Sends a manifest as it was seen: never over what another has written since. */
import { collectionPath, objectPath } from "../../api/objects.ts";
import { ApiError, send } from "../../api/request.ts";
import { type ObjectText, same, wishOf, withKept } from "./document.ts";

export interface Target {
  readonly resource: string;
  /** Empty: its kind belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
}

/** Somebody else has written it since it was read. */
export class WrittenMeanwhile extends Error {
  readonly theirs: ObjectText;

  constructor(theirs: ObjectText) {
    super("somebody else has written it meanwhile");
    this.theirs = theirs;
  }
}

/** So often a version of its status may come between reading and writing. */
const TRIES_MAX = 8;
const MANAGER = "fieldManager=orrery-console&fieldValidation=Strict";

/** Writes `wish` over the object whose wish was `base`; the API's copy of it then. Status changes all the time and is nobody's wish: what comes of it alone is no conflict.
 *  @throws WrittenMeanwhile: nothing was written; ApiError, WaitsForOthers */
export async function replaceObject(target: Target, wish: Readonly<Record<string, unknown>>, base: ObjectText, reason: string): Promise<ObjectText> {
  for (let tries = 1; ; tries++) {
    const live = await send<ObjectText>({ path: objectPath(target) });
    if (!same(wishOf(live), base)) throw new WrittenMeanwhile(live);
    const { uid, resourceVersion } = live.metadata;
    const whole = withKept(wish, live);
    const metadata = { ...(whole["metadata"] as object), uid, resourceVersion };
    try {
      return await send<ObjectText>({ method: "PUT", path: `${objectPath(target)}?${MANAGER}`, body: { ...whole, metadata }, reason });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409 || tries >= TRIES_MAX) throw error;
    }
  }
}

/** @throws ApiError, WaitsForOthers */
export async function makeObject(target: Pick<Target, "resource" | "namespace">, wish: unknown, reason: string): Promise<ObjectText> {
  return await send<ObjectText>({
    method: "POST",
    path: `${collectionPath(target.resource, target.namespace)}?${MANAGER}`,
    body: wish,
    reason,
  });
}
