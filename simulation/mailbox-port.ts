/** The mailbox as a process sees it. Wake-ups get lost, repeated and late on the way. */
import type { Mailbox } from '../src/actors/mailbox.ts';
import type { ClusterArn, EnvironmentId, Instant } from '../src/domain/ids.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import { latency } from './latency.ts';
import type { Process } from './process.ts';
import type { Queue } from './queue.ts';
import type { Timeline } from './timeline.ts';

const DELAY_MS = { least: 500, most: 3_000 };
const GIVE_UP_MS = 100;

export interface MailNetwork {
  readonly queue: Queue;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly chance: Chance;
}

/** A wake-up on its way into the queue, whoever sends it. */
export function deliver({ queue, timeline, faults }: MailNetwork, actor: string): void {
  if (queue.awayUntil > timeline.now || faults.strikes('wake lost')) return;
  const again = faults.strikes('wake doubled');
  if (faults.strikes('wake delayed')) {
    const ms = faults.chanceOf('wake delayed').int(DELAY_MS.least, DELAY_MS.most);
    timeline.after(ms, `late wake-up of ${actor}`, () => queue.wake(actor));
  } else queue.wake(actor);
  if (again) timeline.after(1, `second wake-up of ${actor}`, () => queue.wake(actor));
}

export interface MailboxPort extends Mailbox {
  surveyAt(cluster: ClusterArn, at: Instant): Promise<boolean>;
}

export function mailboxPort(process: Process, network: MailNetwork): MailboxPort {
  const { queue, chance, timeline } = network;
  const send = async (what: string, arrive: () => void): Promise<boolean> => {
    const away = queue.awayUntil > timeline.now;
    const there = latency(chance, 'redis');
    await process.exchange({ what, there, back: away ? GIVE_UP_MS : latency(chance, 'redis') }, () => {
      if (!away) arrive();
    });
    return !away;
  };
  return {
    wake: (environment: EnvironmentId) => send('wake', () => deliver(network, environment)),
    wakeAt: (environment, at) => send('wakeAt', () => queue.wakeIn(environment, at - process.now())),
    requestSurvey: (cluster) => send('requestSurvey', () => deliver(network, cluster)),
    surveyAt: (cluster, at) => send('surveyAt', () => queue.wakeIn(cluster, at - process.now())),
  };
}
