import type { ApiContext } from './app-env.ts';

/**
 * Sets a header of the answer beside its content type. On a socket it goes out as it is: a `Response` with more than one
 * header copies them twice, which costs a short answer more than all the rest of it.
 */
export const setHeader = (c: ApiContext, name: string, value: string): void => {
  if (c.env?.outgoing === undefined) c.header(name, value);
  else c.env.outgoing.setHeader(name, value);
};
