import type { Chance } from './chance.ts';

/** How long one way takes, in milliseconds. */
export const LATENCY = {
  store: { least: 1, most: 12 },
  redis: { least: 1, most: 6 },
  ecs: { least: 10, most: 90 },
} as const;

export const latency = (chance: Chance, of: keyof typeof LATENCY): number => {
  const { least, most } = LATENCY[of];
  return chance.int(least, most);
};
