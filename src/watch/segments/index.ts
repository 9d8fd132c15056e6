export { ByteReader, ByteWriter, decodeColumn, encodeColumn } from "./codec.ts";
export { SegmentFile } from "./segment-file.ts";
export { type Segment, SegmentFolder } from "./segment-folder.ts";
export { type BlockRef, type SegmentFooter, SegmentWriter, syncFolder } from "./segment-writer.ts";
