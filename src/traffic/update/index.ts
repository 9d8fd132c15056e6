export { createUpdateController, type Distribution, type UpdateControllerOptions } from "./controller.ts";
export { updateIntents } from "./intents.ts";
export { isStoreBehind, readLedSite, rememberHistory, takeLead } from "./lead-site.ts";
export { createUpdateRecordController, type UpdateRecordOptions } from "./record-controller.ts";
export { REVISION_ANNOTATION } from "./record-templates.ts";
