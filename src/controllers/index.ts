export { type Caches, type CachesOptions, createCaches, runCaches } from "./caches.ts";
export { type ConnectedGateway, createGatewayController, type GatewayControllerOptions } from "./gateway/controller.ts";
export { createHostController, type HostControllerOptions } from "./host/controller.ts";
export { createInstanceController, type InstanceControllerOptions } from "./instance/controller.ts";
export { createMicroserviceController, type MicroserviceControllerOptions } from "./microservice/controller.ts";
export { makeRevision } from "./microservice/revision-maker.ts";
export { createResourceController, type ResourceControllerOptions } from "./resource/controller.ts";
export type { Observation } from "./resource/status.ts";
export { createRouteController, type RouteControllerOptions } from "./route/controller.ts";
