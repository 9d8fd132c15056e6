import { isOrreryError, OrreryError } from "#/base/index.ts";
import type { Cause } from "#/state/store/index.ts";

/** meta/v1 Status: how Kubernetes' clients are told of a failure, or of a success without an object. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
  readonly retryAfterSeconds?: number;
  /** The error as it was thrown, for our own clients; Kubernetes' ignore it. */
  readonly orrery?: { readonly code: string; readonly retry: string; readonly details: Readonly<Record<string, unknown>> };
}

/** What a request was about, for messages. */
export interface Subject {
  readonly verb: string;
  readonly kind?: string;
  readonly plural?: string;
  readonly group?: string;
  readonly name?: string;
}

/** 200 for a deletion that is done. */
export function deletedStatus(subject: { readonly name: string; readonly plural: string; readonly group: string; readonly uid: string }): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name: subject.name, group: subject.group, kind: subject.plural, uid: subject.uid },
    code: 200,
  };
}

/** The Status that tells of `error`; anything but an `OrreryError` is a bug and shows nothing of itself. */
export function failureStatus(error: unknown, subject: Subject): Status {
  if (!isOrreryError(error))
    return failure({ code: 500, reason: "InternalError", message: "the centre failed in a way that it did not expect; its log says more" });
  const { code, reason } = classOf(error, subject);
  const name = subject.name ?? (subject.verb === "create" ? error.details["name"] : undefined);
  const details: StatusDetails = {
    ...(typeof name === "string" && { name }),
    ...(subject.group !== undefined && subject.group !== "" && { group: subject.group }),
    ...(subject.kind !== undefined && { kind: reason === "Invalid" ? subject.kind : (subject.plural ?? subject.kind) }),
    ...causesOf(error, subject),
    ...(error.retry === "backoff" && { retryAfterSeconds: waitOf(error) }),
    orrery: { code: error.code, retry: error.retry, details: error.details },
  };
  return failure({ code, reason, message: messageOf(error), details });
}

/** The Status that tells of a refusal which is no error of ours. */
export function refusalStatus(told: { readonly code: number; readonly reason: string; readonly message: string }): Status {
  return failure(told);
}

function failure({
  code,
  reason,
  message,
  details,
}: {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
}): Status {
  const told = details === undefined ? {} : { details: bounded(details) };
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: shorten(message, MESSAGE_CHARACTERS_MAX),
    reason,
    ...told,
    code,
  };
}

/** A refusal is short, whatever it is about: every sentence that shows what was found comes through here. */
const MESSAGE_CHARACTERS_MAX = 8_000;
const CAUSES_MAX = 100;
const CAUSE_CHARACTERS_MAX = 400;
const DETAILS_CHARACTERS_MAX = 32_000;

function bounded({ causes, orrery, ...details }: StatusDetails): StatusDetails {
  const isLong = orrery !== undefined && JSON.stringify(orrery.details).length > DETAILS_CHARACTERS_MAX;
  return {
    ...details,
    ...(causes !== undefined && {
      causes: causes.slice(0, CAUSES_MAX).map(({ reason, message, field }) => ({
        reason,
        message: shorten(message, CAUSE_CHARACTERS_MAX),
        field: shorten(field, CAUSE_CHARACTERS_MAX),
      })),
    }),
    ...(orrery !== undefined && { orrery: isLong ? { ...orrery, details: {} } : orrery }),
  };
}

function shorten(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

interface StatusClass {
  readonly code: number;
  readonly reason: string;
}

const CLASSES: Readonly<Record<string, StatusClass>> = {
  "store/invalid": { code: 422, reason: "Invalid" },
  "store/immutable": { code: 422, reason: "Invalid" },
  "store/duplicate": { code: 422, reason: "Invalid" },
  "store/missing": { code: 404, reason: "NotFound" },
  "store/exists": { code: 409, reason: "AlreadyExists" },
  "store/conflict": { code: 409, reason: "Conflict" },
  "store/apply-conflict": { code: 409, reason: "Conflict" },
  "store/gone": { code: 410, reason: "Expired" },
  "store/full": { code: 507, reason: "InsufficientStorage" },
  "store/damaged": { code: 500, reason: "InternalError" },
  "api/bad-request": { code: 400, reason: "BadRequest" },
  "api/unauthorized": { code: 401, reason: "Unauthorized" },
  "api/forbidden": { code: 403, reason: "Forbidden" },
  "access/last-admin": { code: 403, reason: "Forbidden" },
  "access/decided": { code: 409, reason: "Conflict" },
  "access/changed": { code: 409, reason: "Conflict" },
  "api/missing": { code: 404, reason: "NotFound" },
  "api/left-out": { code: 404, reason: "NotFound" },
  "api/method": { code: 405, reason: "MethodNotAllowed" },
  "api/not-acceptable": { code: 406, reason: "NotAcceptable" },
  "api/slow-body": { code: 408, reason: "Timeout" },
  "api/unknown-method": { code: 501, reason: "NotImplemented" },
  "api/http-version": { code: 505, reason: "HTTPVersionNotSupported" },
  "api/protocol": { code: 426, reason: "UpgradeRequired" },
  "api/long-url": { code: 414, reason: "RequestURITooLong" },
  "api/too-large": { code: 413, reason: "RequestEntityTooLarge" },
  "api/media-type": { code: 415, reason: "UnsupportedMediaType" },
  "audit/unwritable": { code: 503, reason: "ServiceUnavailable" },
  "audit/no-reason": { code: 400, reason: "BadRequest" },
  "audit/not-exported": { code: 409, reason: "Conflict" },
  "api/too-large-version": { code: 504, reason: "Timeout" },
  "api/busy": { code: 429, reason: "TooManyRequests" },
  "api/cross-origin": { code: 403, reason: "Forbidden" },
  "api/ended": { code: 401, reason: "Unauthorized" },
  "login/wrong": { code: 401, reason: "Unauthorized" },
  "login/link": { code: 401, reason: "Unauthorized" },
  "login/ended": { code: 401, reason: "Unauthorized" },
  "login/disabled": { code: 403, reason: "Forbidden" },
  "login/provided": { code: 403, reason: "Forbidden" },
  "login/wait": { code: 429, reason: "TooManyRequests" },
  "login/busy": { code: 429, reason: "TooManyRequests" },
  "login/too-many": { code: 409, reason: "Conflict" },
  "login/no-user": { code: 404, reason: "NotFound" },
  "login/weak": { code: 400, reason: "BadRequest" },
  "login/bad-ttl": { code: 400, reason: "BadRequest" },
  "agent/no-instance": { code: 404, reason: "NotFound" },
  "agent/no-log": { code: 404, reason: "NotFound" },
  "agent/no-previous": { code: 404, reason: "NotFound" },
  "agent/no-script": { code: 404, reason: "NotFound" },
};

const READS: readonly string[] = ["get", "list", "watch", "deletecollection"];

function classOf(error: OrreryError, subject: Subject): StatusClass {
  // What cannot be read in a query is the query's fault: there is no object that could be invalid. Unknown fields are refused with 400 by Kubernetes, too.
  if (error.code === "store/invalid" && (READS.includes(subject.verb) || unknownFieldsOf(error).length > 0))
    return { code: 400, reason: "BadRequest" };
  const known = CLASSES[error.code];
  if (known !== undefined) return known;
  if (error.code.endsWith("/missing")) return { code: 404, reason: "NotFound" };
  if (error.code.endsWith("/timeout")) return { code: 504, reason: "Timeout" };
  if (error.code.endsWith("/invalid")) return { code: 400, reason: "BadRequest" };
  return error.retry === "backoff" ? { code: 503, reason: "ServiceUnavailable" } : { code: 500, reason: "InternalError" };
}

/** What the error says itself, else a second. */
function waitOf({ details: { retryAfterSeconds } }: OrreryError): number {
  return typeof retryAfterSeconds === "number" ? retryAfterSeconds : 1;
}

interface ApplyConflict {
  readonly manager: string;
  readonly field: string;
}

function conflictsOf(error: OrreryError): readonly ApplyConflict[] {
  const { conflicts } = error.details;
  return error.code === "store/apply-conflict" && Array.isArray(conflicts) ? (conflicts as readonly ApplyConflict[]) : [];
}

function unknownFieldsOf(error: OrreryError): readonly Cause[] {
  const { causes } = error.details;
  return error.code === "store/invalid" && Array.isArray(causes)
    ? (causes as readonly Cause[]).filter(({ message }) => message.startsWith("unknown field"))
    : [];
}

/** In Kubernetes' words where tools look for them. */
function messageOf(error: OrreryError): string {
  const unknown = unknownFieldsOf(error);
  if (unknown.length === 0) return error.message;
  return `strict decoding error: ${unknown.map(({ field, message }) => message.replace("unknown field", `unknown field ${JSON.stringify(field)}`)).join("; ")}`;
}

/** kubectl writes each cause as `field: message`, so each names one: what is wrong with the whole, by what it is. */
function causesOf(error: OrreryError, { verb }: Subject): Pick<StatusDetails, "causes"> {
  const whole = verb === "patch" ? "patch" : "object";
  const conflicts = conflictsOf(error);
  if (conflicts.length > 0)
    return { causes: conflicts.map(({ manager, field }) => ({ reason: "FieldManagerConflict", message: `conflict with "${manager}"`, field })) };
  // By this its clients tell it from other timeouts.
  if (error.code === "api/too-large-version")
    return { causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "" }] };
  const { causes } = error.details;
  if (Array.isArray(causes))
    return { causes: (causes as readonly Cause[]).map(({ field, message }) => ({ reason: "FieldValueInvalid", message, field: field || whole })) };
  if (error.code === "store/immutable" || error.code === "store/duplicate")
    return {
      causes: [
        {
          reason: error.code === "store/duplicate" ? "FieldValueDuplicate" : "FieldValueInvalid",
          message: error.message,
          field: String(error.details["field"] || whole),
        },
      ],
    };
  return {};
}

/** A yes or no of a query as clients write it: Python's say `True`, and a name alone is a yes, as in Kubernetes.
 *  @throws api/bad-request: neither */
export function isTrue(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)?.toLowerCase();
  if (text === undefined || text === "false" || text === "0") return false;
  if (text === "" || text === "true" || text === "1") return true;
  throw badRequest(`${name}: found ${JSON.stringify(text.slice(0, 200))}; give true or false`);
}

/** A `dryRun` as it was given.
 *  @throws api/bad-request: neither All nor nothing */
export function isDryRun(values: readonly string[]): boolean {
  for (const value of values) if (value !== "All" && value !== "") throw badRequest(`dryRun: found ${JSON.stringify(value)}; allowed: All`);
  return values.includes("All");
}

export function badRequest(message: string): OrreryError {
  return new OrreryError("api/bad-request", message);
}
