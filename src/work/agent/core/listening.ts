/** A listening TCP socket. */
export interface ListeningSocket {
  readonly inode: string;
  /** `0.0.0.0:80`, `[::]:80`. */
  readonly address: string;
}

const LISTENING = "0A";

/** Sockets that listen on an address outside of the loopback, from /proc/net/tcp or /proc/net/tcp6 (proc_pid_net(5)). */
export function parseOpenSockets(table: string): ListeningSocket[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [, local = "", , state] = fields;
      const inode = fields[9];
      const [hex = "", port = ""] = local.split(":");
      if (state !== LISTENING || inode === undefined) return [];
      const address = hex.length === 8 ? formatV4(hex) : formatV6(hex);
      if (address === undefined || address.startsWith("127.") || address === "[::1]" || address.startsWith("[::ffff:127.")) return [];
      return [{ inode, address: `${address}:${Number.parseInt(port, 16)}` }];
    });
}

/** The kernel prints each 32-bit word as the machine holds it: little-endian on all that are supported. */
function wordBytes(hex: string): number[] {
  return (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse();
}

function formatV4(hex: string): string {
  return wordBytes(hex).join(".");
}

function formatV6(hex: string): string | undefined {
  if (hex.length !== 32) return undefined;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(wordBytes);
  if (bytes.every((byte) => byte === 0)) return "[::]";
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "[::1]";
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) return `[::ffff:${bytes.slice(12).join(".")}]`;
  const groups = Array.from({ length: 8 }, (_, index) => (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16));
  return `[${groups.join(":")}]`;
}
