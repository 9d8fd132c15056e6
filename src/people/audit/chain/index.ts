export { originOf, publicKeyOf, readHead, signHead } from "./head.ts";
export { type EntryHash, encodeLine, NOTHING_BEFORE, type ReadLine, readLine, splitLines } from "./line.ts";
export { changeOf, redactText, redactValue } from "./redaction.ts";
export { ChainCheck, type Report, type Segment, verify, type WitnessedHead } from "./verify.ts";
