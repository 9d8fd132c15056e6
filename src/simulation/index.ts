export { SimulatedAgent, type SimulatedAgentOptions } from "./simulated-agent.ts";
export { SimulatedGateway, type SimulatedGatewayOptions } from "./simulated-gateway.ts";
