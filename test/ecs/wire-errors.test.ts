import { ECSClient, ListClustersCommand } from '@aws-sdk/client-ecs';
import { afterEach, expect, test, vi } from 'vitest';
import { wireError } from '../../src/ecs/wire-errors.ts';

afterEach(() => vi.unstubAllEnvs());

test('a missing region is named with the variable that has it', async () => {
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nowhere');
  const client = new ECSClient({ credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });
  const error: unknown = await client.send(new ListClustersCommand({})).catch((thrown: unknown) => thrown);
  client.destroy();
  expect(wireError(error).fault.message).toBe('Region is missing: set AWS_REGION');
});
