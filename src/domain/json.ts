/** A JSON object we hand on to ECS without reading it. */
export type JsonObject = { readonly [member: string]: unknown };
