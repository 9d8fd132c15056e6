export { type Answer, type Client, type ClientOptions, type ClientRequest, createClient, type Exchange } from "./client.ts";
export type { KeepLinkOptions, KeptLink } from "./kept-link.ts";
export { type CarriedError, statusError } from "./status-error.ts";
