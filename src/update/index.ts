export { createUpdateController, type Distribution, isStoreBehind, readLedSite, takeLead, type UpdateControllerOptions } from "./controller.ts";
export { createUpdateRecordController, REVISION_ANNOTATION, type UpdateRecordOptions, updateIntents } from "./record-controller.ts";
