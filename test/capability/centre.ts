/** A centre with one capability more: the one line. */
import { CENTRE_PARTS } from "#/apps/centre/parts.ts";
import { runCentre } from "#/apps/centre/run-centre.ts";
import { notesPart } from "./part.ts";

await runCentre([...CENTRE_PARTS, notesPart]);
