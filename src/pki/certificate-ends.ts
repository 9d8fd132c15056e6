import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import { loadFile } from "./kept-file.ts";

/** When a certificate of the site ends. */
export interface CertificateEnd {
  /** `authority`: what clients trust; `server`: what the centre shows them. */
  readonly name: "authority" | "server";
  readonly file: string;
  /** RFC 3339. Absent: it cannot be read, for this `problem`. */
  readonly ends?: string;
  readonly problem?: string;
}

/** When the certificates in `folder` end, as `ensureCertificates` has made them. */
export async function readCertificateEnds(folder: string): Promise<readonly CertificateEnd[]> {
  return await Promise.all([readEnd("authority", join(folder, "ca.crt")), readEnd("server", join(folder, "server.crt"))]);
}

async function readEnd(name: CertificateEnd["name"], file: string): Promise<CertificateEnd> {
  try {
    const text = await loadFile(file);
    if (text === undefined) throw new OrreryError("pki/unreadable", `there is no ${file}`);
    return { name, file, ends: new Date(new X509Certificate(text).validTo).toISOString() };
  } catch (error) {
    return { name, file, problem: describeError(error) };
  }
}
