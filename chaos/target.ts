import type { EnvironmentId } from '../src/domain/ids.ts';

/** A fresh environment, created and not deployed: its first launches are what a fault aims at. */
export interface Target {
  readonly id: EnvironmentId;
  readonly name: string;
  readonly deploy: () => Promise<void>;
}
