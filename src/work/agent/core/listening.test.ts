import assert from "node:assert/strict";
import { it } from "node:test";
import { parseOpenSockets } from "./listening.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, state: string, inode: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

it("sockets that listen outside of the loopback are told, those inside of it and connections are not", () => {
  const table =
    head +
    row("00000000:0050", "0A", 1) +
    row("0100007F:0051", "0A", 2) +
    row("0201A8C0:0052", "0A", 3) +
    row("00000000:0053", "01", 4) +
    row("0201407F:0054", "0A", 5);
  assert.deepEqual(parseOpenSockets(table), [
    { inode: "1", address: "0.0.0.0:80" },
    { inode: "3", address: "192.168.1.2:82" },
  ]);
});

it("IPv6 sockets are read word by word", () => {
  const table =
    head +
    row("00000000000000000000000000000000:1F90", "0A", 1) +
    row("00000000000000000000000001000000:1F90", "0A", 2) +
    row("0000000000000000FFFF00000100007F:1F90", "0A", 3) +
    row("B80D0120000000000000000001000000:0050", "0A", 4);
  assert.deepEqual(parseOpenSockets(table), [
    { inode: "1", address: "[::]:8080" },
    { inode: "4", address: "[2001:db8:0:0:0:0:0:1]:80" },
  ]);
});
