export { type CheckName, type CheckPlan, type Demand, planDemand, restartOfNote, startNote } from "./demand.ts";
export { buildEnvironment, inheritedEnvironment, type ServiceAddress } from "./environment.ts";
export { type ListeningSocket, parseOpenSockets } from "./listening.ts";
export { renderText } from "./render.ts";
export { rivalOf, type Sharer } from "./rival.ts";
export {
  type Exit,
  type InstanceMemory,
  type InstanceState,
  NEW_INSTANCE,
  type Outcome,
  type Phase,
  recallInstance,
  rememberInstance,
} from "./state.ts";
export { statusInput } from "./status-input.ts";
export { type Circumstances, type Effect, type Input, type Step, step } from "./step.ts";
