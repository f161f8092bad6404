import { api } from './api.ts';
import type { Bench } from './bench.ts';
import { cover } from './cover.ts';
import { join } from './join.ts';
import { memory } from './memory.ts';
import { plan } from './plan.ts';
import { replace } from './replace.ts';
import { rest } from './rest.ts';
import { rollout } from './rollout.ts';
import { scale } from './scale.ts';

export const BENCHES: readonly Bench[] = [cover, join, replace, plan, api, rest, memory, scale, rollout];
