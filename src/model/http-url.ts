import { z } from "zod";

/** An address of the web: http or https, as a browser reads it. */
export const httpUrl = z
  .string()
  .max(1_000)
  .regex(/^https?:\/\/[^\s/]+/, "an address, as in https://example.org/path")
  .refine((text) => URL.canParse(text), "an address that can be read, as in https://example.org/path");
