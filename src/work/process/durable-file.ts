import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Puts `text` in place of `file`, whole or not at all; when it returns, the file survives power loss. Mode 0600. */
export function writeFileDurably(file: string, text: string): void {
  const temporary = `${file}.tmp`;
  writeAndSync(temporary, text);
  renameSync(temporary, file);
  syncFolder(path.dirname(file));
}

/** Puts `text` in place of `file`, whole or not at all, without waiting for the disk. Mode `mode`, default 0600. */
export function replaceFile(file: string, text: string, mode = 0o600): void {
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, "w", mode);
  try {
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}

/** Makes the names in `folder` survive power loss. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeAndSync(file: string, text: string): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
