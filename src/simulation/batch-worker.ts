import { parentPort } from "node:worker_threads";
import { type Chunk, runChunk } from "./batch.ts";

parentPort?.on("message", (chunk: Chunk) => parentPort?.postMessage(runChunk(chunk)));
