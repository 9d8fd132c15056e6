import "reflect-metadata";
import { createPrivateKey, createPublicKey, X509Certificate as NodeCertificate, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { describeError, OrreryError, type Random } from "#/base/index.ts";
import { keepFile, loadFile, replaceFile } from "./kept-file.ts";

x509.cryptoProvider.set(webcrypto as Crypto);

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const SERVER_DAYS = 365;
/** A server certificate with less than this left is issued anew at the next start. */
const RENEW_DAYS = 30;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface Certificates {
  /** The site's own CA: what clients trust. PEM. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** True if the server certificate was made by this call. */
  readonly isNew: boolean;
}

export interface CertificatesOptions {
  /** Holds ca.crt, ca.key, server.crt, server.key; made when missing. */
  readonly folder: string;
  /** Names and addresses by which the server is reached, beside localhost, 127.0.0.1 and ::1. */
  readonly addresses: readonly string[];
  readonly nowMs: number;
  readonly random: Random;
}

/** The CA and the server certificate of a site. Both are made at the first start; the CA is kept, the server certificate is made anew when its addresses change, it ends within 30 days, or another CA has signed it. Idempotent, also for two processes at once.
 *  @throws pki/unwritable, pki/unreadable: mend the folder
 *  @throws pki/damaged: a file is not what it should be; restore it, or remove the whole folder (every client then needs the new ca.crt) */
export async function ensureCertificates(options: CertificatesOptions): Promise<Certificates> {
  const file = (name: string): string => join(options.folder, name);
  const caKey = await readKey(file("ca.key"), await keepFile(file("ca.key"), newKey, options.random));
  const ca = readCertificate(file("ca.crt"), await keepFile(file("ca.crt"), () => issueCa(caKey, options), options.random));
  if (!matches(ca, caKey)) throw damaged(file("ca.crt"), "it does not belong to ca.key");
  if (Date.parse(ca.validTo) <= options.nowMs) throw damaged(file("ca.crt"), `it ended on ${ca.validTo}`);

  const names = serverNames(options.addresses);
  const [certificate, key] = [await loadFile(file("server.crt")), await loadFile(file("server.key"))];
  if (certificate !== undefined && key !== undefined && isUsable({ certificate, key, ca, names, nowMs: options.nowMs })) {
    return { ca: ca.toString(), certificate, key, isNew: false };
  }
  const newServerKey = await newKey();
  const issued = await issueServer({ key: await readKey(file("server.key"), newServerKey), ca, caKey, names, ...options });
  await replaceFile(file("server.key"), newServerKey, options.random);
  await replaceFile(file("server.crt"), issued, options.random);
  return { ca: ca.toString(), certificate: issued, key: newServerKey, isNew: true };
}

interface KeyPair {
  readonly pem: string;
  readonly pair: webcrypto.CryptoKeyPair;
}

async function newKey(): Promise<string> {
  const { privateKey } = (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY");
}

async function readKey(path: string, pem: string): Promise<KeyPair> {
  try {
    const key = createPrivateKey(pem);
    const privateKey = await webcrypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), ALGORITHM, true, ["sign"]);
    const publicKey = await webcrypto.subtle.importKey("spki", createPublicKey(key).export({ type: "spki", format: "der" }), ALGORITHM, true, [
      "verify",
    ]);
    return { pem, pair: { privateKey, publicKey } };
  } catch (error) {
    throw damaged(path, describeError(error));
  }
}

function readCertificate(path: string, pem: string): NodeCertificate {
  try {
    return new NodeCertificate(pem);
  } catch (error) {
    throw damaged(path, describeError(error));
  }
}

function damaged(path: string, why: string): OrreryError {
  return new OrreryError(
    "pki/damaged",
    `${path} cannot be used: ${why}; restore it from a backup, or remove its folder and start again (every client then needs the new ca.crt)`,
  );
}

function matches(certificate: NodeCertificate, key: KeyPair): boolean {
  return certificate.checkPrivateKey(createPrivateKey(key.pem));
}

interface Candidate {
  readonly certificate: string;
  readonly key: string;
  readonly ca: NodeCertificate;
  readonly names: readonly string[];
  readonly nowMs: number;
}

function isUsable({ certificate, key, ca, names, nowMs }: Candidate): boolean {
  try {
    const read = new NodeCertificate(certificate);
    if (!read.verify(ca.publicKey) || !read.checkPrivateKey(createPrivateKey(key))) return false;
    if (Date.parse(read.validTo) - nowMs < RENEW_DAYS * DAY_MS || Date.parse(read.validFrom) > nowMs) return false;
    return names.every((name) => (isIP(name) === 0 ? read.checkHost(name) : read.checkIP(name)) !== undefined);
  } catch {
    // A server certificate that cannot be read is simply made anew: nobody but this server holds it.
    return false;
  }
}

function serverNames(addresses: readonly string[]): string[] {
  // A wildcard address names no host; clients then use localhost or a name given beside it.
  const named = addresses.filter((address) => address !== "" && address !== "0.0.0.0" && address !== "::");
  return [...new Set(["localhost", "127.0.0.1", "::1", ...named])];
}

async function issueCa(key: KeyPair, options: CertificatesOptions): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(options.random),
    name: `CN=Orrery CA ${Buffer.from(options.random.bytes(4)).toString("hex")}`,
    notBefore: new Date(options.nowMs - DAY_MS),
    notAfter: new Date(options.nowMs + CA_DAYS * DAY_MS),
    keys: key.pair,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(key.pair.publicKey),
    ],
  });
  return certificate.toString("pem");
}

async function issueServer(options: {
  readonly key: KeyPair;
  readonly ca: NodeCertificate;
  readonly caKey: KeyPair;
  readonly names: readonly string[];
  readonly nowMs: number;
  readonly random: Random;
}): Promise<string> {
  const { key, ca, caKey, names, nowMs, random } = options;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: "CN=orrery",
    issuer: new x509.X509Certificate(ca.raw).subject,
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(Math.min(nowMs + SERVER_DAYS * DAY_MS, Date.parse(ca.validTo))),
    publicKey: key.pair.publicKey,
    signingKey: caKey.pair.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name }) as const)),
      await x509.SubjectKeyIdentifierExtension.create(key.pair.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(caKey.pair.publicKey),
    ],
  });
  return certificate.toString("pem");
}

function serialNumber(random: Random): string {
  // RFC 5280: positive, at most 20 bytes; the first byte keeps it positive and without leading zeros.
  return `4f${Buffer.from(random.bytes(15)).toString("hex")}`;
}
