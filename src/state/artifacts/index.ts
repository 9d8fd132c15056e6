export { ArtifactStore, type ArtifactStoreOptions } from "./artifact-store.ts";
