export { createUpdateController, type Distribution, takeLead, type UpdateControllerOptions } from "./controller.ts";
export { createUpdateRecordController, REVISION_ANNOTATION, updateIntents, type UpdateRecordOptions } from "./record-controller.ts";
