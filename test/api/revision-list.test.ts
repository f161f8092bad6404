import { describe, expect, it } from 'vitest';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, EnvironmentName, Instant } from '../../src/domain/ids.ts';
import { REVISIONS_KEPT } from '../../src/domain/retention.ts';
import { ACCOUNT, harness } from './harness.ts';

const web = as<EnvironmentName>('web');
const network = { awsvpcConfiguration: { subnets: ['subnet-1'] } };

describe('the revisions of an environment', () => {
  const list = async (h: ReturnType<typeof harness>) => {
    const { text } = await h.call('/v1/environments/web/revisions');
    return (JSON.parse(text) as { items: { id: string; current: boolean; deployments: string[] }[] }).items;
  };

  it('are shown newest first, with their deployments', async () => {
    const h = harness();
    const made = await h.create('web', { instanceGroup: { cluster: 'c1', query: 'attribute:zone == a' } });
    const first = (await h.spec()).revision;
    expect(await list(h)).toEqual([
      {
        id: first.id,
        taskDefinition: `${ACCOUNT}:task-definition/daemon:1`,
        instanceGroup: { cluster: `${ACCOUNT}:cluster/c1`, query: 'attribute:zone == a' },
        deploymentConfiguration: expect.objectContaining({ maxUnavailable: '10%' }),
        createdAt: expect.stringMatching(/^2026-08-01T/),
        current: true,
        deployments: [],
      },
    ]);
    const d1 = JSON.parse((await h.deploy('web', made.deploymentToken)).text) as { id: DeploymentId };
    await h.store.setProgress(web, { id: d1.id, state: 'completed', endedAt: as<Instant>(1) });
    const d2 = JSON.parse((await h.deploy('web', `${made.deploymentToken}&restart=true`)).text) as { id: string };
    await h.patch('web', made.deploymentToken, { taskDefinition: 'vpc', networkConfiguration: network });
    expect(await list(h)).toMatchObject([
      { networkConfiguration: network, current: true, deployments: [] },
      { id: first.id, current: false, deployments: [d2.id, d1.id] },
    ]);
  });

  it('are kept to a limit, and never without the current one', async () => {
    const h = harness();
    let token = (await h.create('web')).deploymentToken;
    for (let n = 1; n <= REVISIONS_KEPT + 5; n += 1) {
      token = h.token(await h.patch('web', token, { deploymentConfiguration: { minReadySeconds: n } }));
    }
    const items = await list(h);
    expect(items.length).toBeLessThanOrEqual(REVISIONS_KEPT);
    expect(items.length).toBeGreaterThan(REVISIONS_KEPT - 3);
    expect(items.map(({ current }) => current)).toEqual(items.map((_, index) => index === 0));
    expect(items[0]).toMatchObject({ deploymentConfiguration: { minReadySeconds: REVISIONS_KEPT + 5 } });
  });
});
