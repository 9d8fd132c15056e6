import { z } from "zod";

/** A DNS label (RFC 1123): lower-case letters, digits and `-`, at most 63, as Kubernetes wants names of services. */
export const label = z
  .string()
  .max(63, "at most 63 characters")
  .regex(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/, "lower-case letters, digits and '-', beginning and ending with a letter or digit");

/** A DNS subdomain (RFC 1123): labels joined by dots, at most 253. */
export const subdomain = z
  .string()
  .max(253, "at most 253 characters")
  .regex(
    /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/,
    "lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
  );

/** A subdomain that fits into a label's value, for objects that others are labelled with. */
export const shortSubdomain = subdomain.max(63, "at most 63 characters, since it stands in labels");

/** The version of a service as its author calls it: `v2`, `1.4.0-rc1`. Lower case, so that it can stand in names. */
export const version = z
  .string()
  .max(40, "at most 40 characters")
  .regex(
    /^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*$/,
    "lower-case letters, digits, '-' and '.', each part between dots beginning and ending with a letter or digit, as in v2 or 1.4.0-rc1",
  );

/** The name of an environment variable (POSIX). */
export const variableName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and '_', not beginning with a digit");

/** The namespace of a site; embedded and site profiles have exactly this one. */
export const DEFAULT_NAMESPACE = "default";

/** A capability that a resource offers and a flow or route asks for: `track`, `camera/ptz`. */
export const capability = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[a-z0-9](?:[-./a-z0-9]*[a-z0-9])?$/, "lower-case letters, digits, '-', '.' and '/'");
