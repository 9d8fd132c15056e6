export { createUpdateController, type Distribution, takeLead, type UpdateControllerOptions } from "./controller.ts";
