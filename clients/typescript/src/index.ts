/** Typed client of Sixplane's HTTP API. */

export { Sixplane, type CallOptions, type IngestOptions, type Options, type Upload } from "./client.js";
export { ApiError, NotFinished } from "./errors.js";
export type { Sleep } from "./patience.js";
export type * from "./schema.js";
