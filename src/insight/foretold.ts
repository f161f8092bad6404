import type { DeploymentProgress } from '../domain/environment.ts';
import { NO_LOOKS } from '../domain/facts.ts';
import type { InstanceArn } from '../domain/ids.ts';
import { progressOf } from '../domain/world.ts';
import { Rollout } from '../planner/rollout.ts';
import type { Foretelling, HostDeeds, Premises } from './foretelling.ts';
import { hostViews } from './host-views.ts';
import type { Foretold, ForetoldHost, HostView } from './insight.ts';

/** How many calls ECS, or the part of its budget that is ours, lets through. */
export interface CallLimits {
  /** At once. */
  readonly burst: number;
  readonly perSecond: number;
}

interface Seen extends Pick<Premises, 'facts' | 'now'> {
  readonly callLimits: CallLimits;
}

/** What came of a rollout that was played through to its end. */
export function foretold(play: Foretelling, seen: Seen): Foretold {
  const calls = { runTask: play.runTasks, stopTask: play.stopTasks };
  const { burst, perSecond } = seen.callLimits;
  return {
    ending: play.rolledBack ? 'failed' : endingOf(progressOf(play.world)?.state ?? null, play.deeds.size),
    hosts: viewsAtTheEnd(play, seen).map(({ instance, wave, explanation, waitingFor, state }) =>
      hostOf(instance, wave, waitingFor === null && state === 'ready' ? null : explanation, play.deeds.get(instance)),
    ),
    calls,
    budgetSeconds: Math.ceil(Math.max(0, calls.runTask + calls.stopTask - burst) / perSecond),
    waitSeconds: Math.round(play.elapsedMs / 1_000),
    manualWaves: play.manualWaves,
  };
}

function viewsAtTheEnd({ world, last }: Foretelling, { facts, now }: Seen): readonly HostView[] {
  if (last === null) return [];
  return hostViews({
    observation: { now, world, facts, looks: NO_LOOKS },
    plan: last,
    rollout: new Rollout(world, progressOf(world), true),
  });
}

function endingOf(state: DeploymentProgress['state'] | null, deeds: number): Foretold['ending'] {
  switch (state) {
    case 'completed':
      return deeds === 0 ? 'nothing-to-do' : 'completed';
    case 'failed':
    case 'paused':
    case 'cancelled':
      return state;
    case 'running':
      return 'endless';
    case null:
      return 'nothing-to-do';
  }
}

function hostOf(
  instance: InstanceArn,
  wave: string | null,
  reason: string | null,
  deeds: HostDeeds = { launches: 0, stops: 0, failure: null },
): ForetoldHost {
  const { launches, stops, failure } = deeds;
  return { instance, action: actionOf(deeds), wave, reason: failure ?? reason, launches, stops };
}

function actionOf({ launches, stops, failure }: HostDeeds): ForetoldHost['action'] {
  if (failure !== null) return 'fail';
  if (launches > 0) return stops > 0 ? 'replace' : 'launch';
  return stops > 0 ? 'stop' : 'none';
}
