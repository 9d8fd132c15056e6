export { RemoteStore, type RemoteStoreOptions } from "./remote-store.ts";
