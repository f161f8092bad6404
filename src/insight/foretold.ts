import type { DeploymentProgress } from '../domain/environment.ts';
import type { InstanceArn } from '../domain/ids.ts';
import { Rollout } from '../planner/rollout.ts';
import type { Foretelling, HostDeeds, Premises } from './foretelling.ts';
import { hostViews } from './host-views.ts';
import type { Foretold, ForetoldHost } from './insight.ts';

/** ECS API reference, Request throttling: RunTask, StartTask and StopTask share it. */
const BURST_CALLS = 100;
const CALLS_PER_SECOND = 40;

/** What came of a rollout that was played through to its end. */
export function foretold(play: Foretelling, { facts, now }: Pick<Premises, 'facts' | 'now'>): Foretold {
  const { world, last } = play;
  const { target } = world.spec.value;
  const progress = target === null ? null : (world.progress.get(target) ?? null);
  const calls = { runTask: play.runTasks, stopTask: play.stopTasks };
  const hosts = last === null ? [] : viewsAtTheEnd(play, facts, now);
  return {
    ending: play.rolledBack ? 'failed' : endingOf(progress?.state ?? null, play.deeds.size),
    hosts: hosts.map(({ instance, wave, explanation, waitingFor, state }) =>
      hostOf(instance, wave, waitingFor === null && state === 'ready' ? null : explanation, play.deeds.get(instance)),
    ),
    calls,
    budgetSeconds: Math.ceil(Math.max(0, calls.runTask + calls.stopTask - BURST_CALLS) / CALLS_PER_SECOND),
    waitSeconds: Math.round(play.elapsedMs / 1_000),
    manualWaves: play.manualWaves,
  };
}

function viewsAtTheEnd({ world, last }: Foretelling, facts: Premises['facts'], now: Premises['now']) {
  if (last === null) return [];
  const { target } = world.spec.value;
  const progress = target === null ? null : (world.progress.get(target) ?? null);
  const looks = { tasks: new Map(), instances: new Map(), taskDefinitions: new Map(), alarms: new Map() };
  return hostViews({
    observation: { now, world, facts, looks },
    plan: last,
    rollout: new Rollout(world, progress, true),
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
