export { type BatchResult, runSeeds } from "./batch.ts";
export { explainFailure } from "./report.ts";
export { type RunResult, runScenario } from "./run.ts";
export { makeScenario } from "./scenario.ts";
export { SimulatedAgent, type SimulatedAgentOptions } from "./simulated-agent.ts";
export { SimulatedGateway, type SimulatedGatewayOptions } from "./simulated-gateway.ts";
