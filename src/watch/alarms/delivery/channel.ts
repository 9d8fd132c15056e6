import { OrreryError } from "#/base/index.ts";
import type { AlarmChannel } from "#/model/index.ts";

export function secretOf({ secrets }: Pick<AlarmChannel["spec"], "secrets">, name: string): string | undefined {
  return secrets.find((one) => one.name === name)?.value;
}

export function notDelivered(why: string, cause?: unknown): OrreryError {
  return new OrreryError("alarms/not-delivered", why, { retry: "backoff", ...(cause !== undefined && { cause }) });
}
