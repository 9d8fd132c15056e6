export { originOf, publicKeyOf, readHead, signHead } from "./head.ts";
export { encodeLine, NOTHING_BEFORE } from "./line.ts";
export { changeOf, redactText, redactValue } from "./redaction.ts";
export { type Problem, type Report, type Segment, type VerifyOptions, verify, type WitnessedHead } from "./verify.ts";
