/** Annotation by which the API records its user: of an Update who made it, of a Microservice who last changed its spec. What a client sends there is overwritten. Absent where no user did it: controllers write past the API. */
export const CHANGED_BY_ANNOTATION = "orrery.dev/changed-by";
