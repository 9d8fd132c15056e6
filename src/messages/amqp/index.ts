export { type Command, type Content, ContentAssembler } from "./content-assembler.ts";
export {
  EMPTY_TABLE,
  type FieldTable,
  type FieldValue,
  fieldNumber,
  fieldText,
  longField,
  readTable,
  sameField,
  sameTable,
  TABLE_LEVELS_MAX,
  textField,
  writeTable,
} from "./field-table.ts";
export { contentFrames, FRAME, FRAME_BYTES_MIN, type Frame, FrameReader, HEARTBEAT, methodFrame, PROTOCOL_HEADER } from "./frames.ts";
export { REPLY } from "./malformed.ts";
export { methodNumbers, readMethod } from "./method-codec.ts";
export { METHODS, type Method, type MethodName, type MethodOf } from "./methods.ts";
export { OctetReader } from "./octet-reader.ts";
export { OctetWriter } from "./octet-writer.ts";
export { type Properties, readProperties, writeProperties } from "./properties.ts";
