import { ECSClient } from '@aws-sdk/client-ecs';

import { startSimulator, type Simulator } from '../../sim/simulator.ts';
import type { SimulatorOptions } from '../../sim/options.ts';

export interface SimulatorUnderTest {
  readonly sim: Simulator;
  readonly ecs: ECSClient;
  /** Calls an admin route below `/_sim` and returns the status and the JSON of its answer. */
  readonly admin: (
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<{ readonly status: number; readonly body: unknown }>;
  close(): Promise<void>;
}

/** A simulator on a free port, and clients of both its sides. The SDK makes one attempt only. */
export async function startUnderTest(options: Partial<SimulatorOptions> = {}): Promise<SimulatorUnderTest> {
  const sim = await startSimulator({ throttling: false, taskStartMs: 5, taskStopMs: 5, ...options });
  const ecs = new ECSClient({
    endpoint: sim.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return {
    sim,
    ecs,
    admin: async (method, path, body) => {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${sim.url}/_sim${path}`, init);
      return { status: response.status, body: await response.json() };
    },
    close: async () => {
      ecs.destroy();
      await sim.close();
    },
  };
}

/** Asks until the answer is there, or fails after a deadline. */
export async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (answer !== null) return answer;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`waited in vain for ${what}`);
}
