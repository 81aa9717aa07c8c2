/**
 * The fault of an endpoint for a while: every request is answered with a status, or not at all.
 */
export type Fault = 401 | 403 | 404 | 413 | 422 | 429 | 500 | 503 | "silence";
