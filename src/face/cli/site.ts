/** What `up` needs of the commands about manifests and services. A face of its own: it loads the model, which the command line alone does without. */
export { applyAll } from "./commands/apply.ts";
export { deleteObject } from "./commands/delete.ts";
export { findFaults, formatFault } from "./faults.ts";
export { type LoginLink, loginUrl, makeLoginLink } from "./login-link.ts";
export { listManifestFiles, loadManifests, type Manifest, parseManifests } from "./manifests.ts";
export { count } from "./output.ts";
export { type AppliedTemplate, appliedTemplates, readinessOf, sayLate, waitForServices } from "./readiness.ts";
export { routeUrl } from "./route-url.ts";
export { formatTable } from "./table.ts";
