/**
 * What an endpoint can be told to answer for a while, whatever it is asked: a status, or nothing at
 * all.
 */
export type Fault = 401 | 403 | 404 | 413 | 422 | 429 | 500 | 503 | "silence";
