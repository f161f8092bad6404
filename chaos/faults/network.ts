/** The network between a worker and what it talks to. */
import { setTimeout as delay } from 'node:timers/promises';
import type { TcpProxy } from '../../test/support/tcp-proxy.ts';
import { PEERS, type Peer } from '../system.ts';
import { SEEN_WITHIN_MS, type Fault, type Scene } from './fault.ts';
import { markOf, trapAll } from './points.ts';

const LOOK_EVERY_MS = 20;

const onLink = (kind: string, peer: Peer, deed: (link: TcpProxy, scene: Scene) => Promise<boolean>): Fault => ({
  kind: `${kind}: ${peer}`,
  inject: async (scene) => {
    const running = scene.system.seats.filter(({ name }) => scene.system.runs(name));
    return { seen: await deed(scene.dice.pick(running).links[peer], scene) };
  },
});

/** Half-open: nothing gets through and nobody is told. It heals with the connections gone. */
async function partition(link: TcpProxy, { dice }: Scene): Promise<boolean> {
  const before = droppedBy(link);
  link.blackhole('both');
  await delay(dice.int(2_000, 4_000));
  const seen = await dropsMoreThan(link, before);
  link.cut();
  link.forward();
  return seen;
}

/** The connections there are go dead for good, as when a router forgets them; new ones work. */
async function forget(link: TcpProxy): Promise<boolean> {
  const before = droppedBy(link);
  return link.freezeOpen('both') > 0 && (await dropsMoreThan(link, before));
}

const reset = (link: TcpProxy): Promise<boolean> => Promise.resolve(link.cut() > 0);

const droppedBy = ({ dropped }: TcpProxy): number => dropped.toServer + dropped.toClient;

async function dropsMoreThan(link: TcpProxy, before: number): Promise<boolean> {
  const deadline = performance.now() + SEEN_WITHIN_MS;
  while (droppedBy(link) <= before) {
    if (performance.now() > deadline) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
}

/** etcd commits and its answer is lost. */
const lostReply = (kind: string, point: 'after claim' | 'before outcomes'): Fault => ({
  kind,
  inject: async ({ system, world }) => {
    const target = await world.target();
    const [peer, text] = markOf(point, target, system);
    const trapped = trapAll(system, peer, text, 'deafen');
    await target.deploy();
    return { seen: (await trapped.first) !== null };
  },
});

export const LOST_INTENTS_REPLY = lostReply('reply lost: commit of intents', 'after claim');
export const LOST_OUTCOMES_REPLY = lostReply('reply lost: commit of outcomes', 'before outcomes');

/** For the tests: one of those below. */
export const PARTITIONED_FROM_ETCD = onLink('partition', 'etcd', partition);

export const NETWORK_FAULTS: readonly Fault[] = [
  ...PEERS.flatMap((peer) => [
    onLink('partition', peer, partition),
    onLink('dead connections', peer, forget),
    onLink('connections reset', peer, reset),
  ]),
  LOST_INTENTS_REPLY,
  LOST_OUTCOMES_REPLY,
];
