export {
  createUpdateController,
  type Distribution,
  isStoreBehind,
  readLedSite,
  rememberHistory,
  takeLead,
  type UpdateControllerOptions,
} from "./controller.ts";
export { updateIntents } from "./intents.ts";
export { createUpdateRecordController, type UpdateRecordOptions } from "./record-controller.ts";
export { REVISION_ANNOTATION } from "./record-templates.ts";
