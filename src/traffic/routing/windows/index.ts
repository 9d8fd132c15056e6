export { CallBoard, type CallGroup, type CallPart, type CallSum, quantileMs, sumCalls } from "./call-board.ts";
