import { invalid, type EcsError } from './answer.ts';
import { canonicalJson } from './validation.ts';

/**
 * One page of `items`, which come in rising order. The token names the last order given out, so that items which come
 * and go between two pages neither repeat nor shift the others. It is bound to the filters of the listing that gave it.
 */
export function takePage<T>(options: {
  readonly items: Iterable<readonly [order: number, item: T]>;
  readonly filters: object;
  readonly maxResults: number;
  readonly nextToken: string | undefined;
}): { readonly items: readonly T[]; readonly nextToken?: string } | EcsError {
  const after = options.nextToken === undefined ? -1 : orderOf(options.nextToken, canonicalJson(options.filters));
  if (after === null) return invalid('Invalid token.');
  const page: T[] = [];
  let last = after;
  for (const [order, item] of options.items) {
    if (order <= after) continue;
    if (page.length === options.maxResults)
      return { items: page, nextToken: tokenOf(last, canonicalJson(options.filters)) };
    page.push(item);
    last = order;
  }
  return { items: page };
}

function tokenOf(order: number, binding: string): string {
  return Buffer.from(JSON.stringify([order, binding])).toString('base64url');
}

function orderOf(token: string, binding: string): number | null {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (!Array.isArray(decoded) || decoded[1] !== binding || !Number.isInteger(decoded[0])) return null;
    return Number(decoded[0]);
  } catch {
    return null;
  }
}

export function numbered<T>(items: readonly T[]): Iterable<readonly [number, T]> {
  return items.entries();
}
