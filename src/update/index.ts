export { createUpdateController, type Distribution, takeLead, type UpdateControllerOptions } from "./controller.ts";
export { createUpdateRecordController, REVISION_ANNOTATION, type UpdateRecordOptions, updateIntents } from "./record-controller.ts";
