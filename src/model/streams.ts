import { z } from "zod";
import { mediaRange } from "./http-text.ts";

/** Media types of answers that are streams: they may outlast `maxTransaction`, and are ended as `drain.streams` says. text/event-stream always is. */
export const streams = z.array(mediaRange).max(50);
