import type { Bench } from './bench.ts';
import { cover } from './cover.ts';

export const BENCHES: readonly Bench[] = [cover];
