/** The centre: API, controllers, the memory of what is observed. Started by the supervisor; killed, it comes back and nothing else stops. */
import { CENTRE_PARTS } from "./centre/parts.ts";
import { runCentre } from "./centre/run-centre.ts";

await runCentre(CENTRE_PARTS);
