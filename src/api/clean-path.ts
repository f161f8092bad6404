/**
 * Redirects to the clean path, as the router of v0.3.0 did: doubled slashes and dot segments anywhere, a trailing slash
 * where a route would answer without it. The query is kept. The target is always a path of this server: never another host.
 */
import { answer } from './answer.ts';
import type { ApiContext, ApiMiddleware } from './app-env.ts';

const UNCLEAN = /\/\/|\/(?:\.|%2e){1,2}(?:\/|$)/i;

export const cleanPath: ApiMiddleware = async (c, next) => {
  const { path, query } = target(c);
  if (!UNCLEAN.test(path)) return next();
  // Behind a host of our own nothing in the path can be taken for another. A URL makes slashes of backslashes, so new runs
  // of them may come out, and a browser would take two at the beginning for the sign of a host.
  const { pathname } = new URL(`http://localhost${single(path)}`);
  return answer(c, 301, null, { Location: single(pathname) + query });
};

const single = (path: string): string => path.replaceAll(/\/{2,}/g, '/');

/** Handler of a route's path with a slash behind it. */
export const withoutTrailingSlash = (c: ApiContext): Response => {
  const { path, query } = target(c);
  const location = path.replace(/\/$/, '') + query;
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return answer(c, 301, null, { Location: location });
  return answer(c, 301, `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n`, {
    'Content-Type': 'text/html; charset=utf-8',
    Location: location,
  });
};

const target = (c: ApiContext): { readonly path: string; readonly query: string } => {
  const raw = c.env?.incoming?.url;
  // A proxy may send the absolute form; its path and query are what is left of the parsed URL.
  const whole = raw !== undefined && raw.startsWith('/') ? raw : c.req.url.slice(c.req.url.indexOf('/', 8));
  const at = whole.indexOf('?');
  return at === -1 ? { path: whole, query: '' } : { path: whole.slice(0, at), query: whole.slice(at) };
};

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&#34;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
