import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { describeError, OrreryError } from "#/base/index.ts";

/** Makes sure that `port` on `address` is free (0 always is).
 *  @throws up/port: it is not; names the process that listens there where that may be known, and the option to change
 *  @throws up/address: the address is not one of this machine's, or the port needs rights */
export async function checkPort(address: string, port: number, option: string): Promise<void> {
  const failure = await tryListen(address, port);
  if (failure === undefined) return;
  const code = (failure as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    const holder = findListener(port);
    throw new OrreryError(
      "up/port",
      `port ${port} is in use${holder === undefined ? "" : ` by process ${holder.pid} (${holder.command})`}; choose another with ${option} (0: any free one)`,
      { details: { port, pid: holder?.pid } },
    );
  }
  if (code === "EADDRNOTAVAIL")
    throw new OrreryError("up/address", `${address} is no address of this machine; give one of its own with --listen`, { cause: failure });
  if (code === "EACCES")
    throw new OrreryError("up/address", `this user may not listen on port ${port}; choose one from 1024 on with ${option}`, { cause: failure });
  throw new OrreryError(
    "up/address",
    `cannot listen on ${address} port ${port}: ${describeError(failure)}; choose others with --listen and ${option}`,
    { cause: failure },
  );
}

function tryListen(address: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** The process that listens on `port`: its socket's inode in /proc/net/tcp, looked for among the open files of every process that this user may read. */
function findListener(port: number): { readonly pid: number; readonly command: string } | undefined {
  const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return undefined;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const isHolder = readdirSync(`/proc/${entry}/fd`).some((fd) =>
        inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${entry}/fd/${fd}`))?.[1] ?? ""),
      );
      if (isHolder) return { pid: Number(entry), command: readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim().slice(0, 200) };
    } catch {
      // Another user's process, or one that has just ended.
    }
  }
  return undefined;
}

function listeningInodes(table: string, port: number): string[] {
  const LISTEN = "0A";
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  try {
    return readFileSync(`/proc/net/${table}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(`:${hexPort}`) === true && fields[3] === LISTEN)
      .flatMap((fields) => fields[9] ?? []);
  } catch {
    return [];
  }
}
