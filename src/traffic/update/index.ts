export { checkRevisions } from "./deletions.ts";
export { isStoreBehind, LED_SITE_READS, readLedSite, rememberHistory, takeLead } from "./lead-site.ts";
export { updatesPart } from "./part.ts";
export { OFFERED_REVISIONS, type OfferedRevisions, TABLE, type TableAtWork } from "./ports.ts";
export { REVISION_ANNOTATION } from "./record-templates.ts";
export { type Intents, SiteSight } from "./site-sight.ts";
export { TRAFFIC_READS, trafficOf } from "./views.ts";
