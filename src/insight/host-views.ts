/** What every host has, and why it has not what it should have: read off a plan that nobody carries out. */
import type { Instance } from '../domain/facts.ts';
import type { InstanceArn, Instant } from '../domain/ids.ts';
import type { Slot } from '../domain/launch.ts';
import type { Plan, Waiting } from '../domain/plan.ts';
import type { Observation } from '../planner/observation.ts';
import { Sight } from '../planner/observation.ts';
import type { Rollout } from '../planner/rollout.ts';
import { isReady } from '../planner/slots.ts';
import { bakedAt } from '../planner/waves.ts';
import { isDoubled, openLaunches } from './duplicates.ts';
import type { HostState, HostView, StatusView } from './insight.ts';

export interface Seen {
  readonly observation: Observation;
  readonly plan: Plan;
  /** As the plan leaves it. */
  readonly rollout: Rollout;
}

export function hostViews({ observation, plan, rollout }: Seen): readonly HostView[] {
  const sight = new Sight(observation);
  const rest = restOf(rollout);
  const hosts = new Set<InstanceArn>([...(observation.facts?.instances.keys() ?? []), ...plan.slots.keys()]);
  return [...hosts].toSorted().map((arn) => {
    const known = sight.instance(arn);
    const instance = known === 'MISSING' ? null : known;
    const slot = plan.slots.get(arn);
    const waiting = plan.waiting.get(arn) ?? null;
    const state = stateOf(instance, slot, waiting, rollout);
    const isNext = instance !== null && rollout.waveOf(instance, slot) === rollout.progress?.open;
    const until = plan.until.get(arn) ?? (waiting === 'wave' && isNext ? (rest?.bakedAt ?? null) : null);
    return {
      instance: arn,
      status: instance?.status ?? null,
      ec2InstanceId: instance?.ec2InstanceId ?? slot?.ec2InstanceId ?? null,
      state,
      task:
        slot?.task == null
          ? null
          : {
              arn: slot.task.arn,
              taskDefinition: slot.task.taskDefinition,
              revision: slot.task.revision,
              current: rollout.isCurrent(slot.task),
            },
      since: slot?.since ?? null,
      wave: instance === null ? null : waveName(instance, slot, rollout),
      waitingFor: waiting,
      until,
      explanation: explain(state, waiting, slot, rollout, until, rest),
      failedAttempts: slot?.tries.count ?? 0,
    };
  });
}

function stateOf(
  instance: Instance | null,
  slot: Slot | undefined,
  waiting: Waiting | null,
  rollout: Rollout,
): HostState {
  if (instance !== null && rollout.isExcluded(instance)) return 'excluded';
  if (waiting === 'not-matching') return 'not-matching';
  if (instance?.agentConnected === false) return 'disconnected';
  if (instance?.status === 'DRAINING') return 'draining';
  if (slot?.stop != null) return 'stopping';
  if (isReady(slot)) return 'ready';
  if (slot?.task != null) return 'starting';
  return waiting === 'launch' ? 'launching' : 'empty';
}

const waveName = (instance: Instance, slot: Slot | undefined, rollout: Rollout): string | null =>
  rollout.progress?.waves[rollout.waveOf(instance, slot)]?.name ?? null;

function explain(
  state: HostState,
  waiting: Waiting | null,
  slot: Slot | undefined,
  rollout: Rollout,
  until: Instant | null,
  rest: Rest | null,
): string {
  const last = slot?.tries.reason ?? null;
  const at = until === null ? '' : `, until ${iso(until)}`;
  if (waiting === 'wave' && rest !== null) return `${SENTENCES.wave(last, at)}: ${resting(rest)}`;
  if (waiting === null) {
    if (rollout.target === null && state !== 'ready') return 'not deployed yet: POST …/deployments does it';
    if (state === 'draining' && slot?.task == null) return 'it drains: it is to have no task';
    if (state !== 'ready') return 'nothing is to be done here';
    const current = slot?.task != null && rollout.isCurrent(slot.task);
    return current ? 'covered: its task is ready' : 'covered: its task is ready, and is left as it is';
  }
  const why = rollout.progress?.reason ?? null;
  if (waiting === 'paused' && why !== null) return `${SENTENCES.paused(last, at)} (${why})`;
  return SENTENCES[waiting](last, at);
}

/** The wave that was opened last is done, and the next one is not open yet. */
interface Rest {
  readonly wave: string;
  /** null: a person is to promote. */
  readonly bakedAt: Instant | null;
}

/** null: it is not done, or is the last, or the rollout does not run. */
function restOf({ progress }: Rollout): Rest | null {
  if (progress?.state !== 'running' || progress.doneAt === null || progress.open >= progress.waves.length) return null;
  const wave = progress.waves[progress.open - 1];
  if (wave === undefined) return null;
  return { wave: wave.name, bakedAt: wave.promote === 'manual' ? null : bakedAt(wave, progress.doneAt) };
}

const resting = ({ wave, bakedAt: until }: Rest): string =>
  until === null
    ? `'${wave}' is done, and a person is to promote the next`
    : `'${wave}' bakes until ${iso(until)}, or promote opens the next now`;

const iso = (at: Instant): string => new Date(at).toISOString();

const tried = (last: string | null): string => (last === null ? '' : `; the last attempt came to nothing: ${last}`);

const SENTENCES: { readonly [on in Waiting]: (last: string | null, at: string) => string } = {
  facts: () => 'waiting for fresh facts about the cluster',
  launch: (last) => `a launch is under way${tried(last)}`,
  start: (last) => `its task is not ready yet${tried(last)}`,
  backoff: (last, at) => `the next attempt is delayed${at}${tried(last)}`,
  agent: () => 'its agent is disconnected: left alone, and caught up when it returns',
  stop: () => 'its task is being stopped',
  drain: (_, at) => `it drains; its task leaves after the others${at}`,
  'other-registration': () => 'another registration of the same machine still has a task or an open launch',
  'task-definition': () => 'the task definition is not ACTIVE any more',
  'no-instance-id': () => 'ECS gives no EC2 or SSM id to pin a task to',
  'turn-limit': () => 'next in line: the turn before it is full',
  budget: () => 'outdated, and waiting for budget: maxUnavailable hosts are without a ready task already',
  wave: () => 'its wave of the rollout is not open yet',
  paused: () => 'the rollout is paused',
  'no-revision': () => 'the rollout has ended early: it keeps what it has, or gets what was last completed',
  alarms: () => 'the states of the alarms are not known',
  frozen: () => 'the environment is frozen',
  excluded: () => 'excluded by a person: left alone',
  'not-matching': () => 'the query of the instance group does not match it',
};

export function statusView({ observation, plan, rollout }: Seen, now: Instant): StatusView {
  const sight = new Sight(observation);
  const { target, progress } = rollout;
  const count = { desired: 0, current: 0, updated: 0, ready: 0, misplaced: 0, duplicates: 0 };
  const openOn = openLaunches(observation.world);
  let uncoveredMs = 0;
  for (const arn of observation.facts?.instances.keys() ?? []) {
    const instance = sight.instance(arn);
    if (instance === null || instance === 'MISSING') continue;
    const slot = plan.slots.get(arn);
    if (isDoubled(arn, slot, openOn, observation.world, sight)) count.duplicates += 1;
    if (plan.waiting.get(arn) === 'not-matching' && slot?.task != null) count.misplaced += 1;
    if (target === null || !rollout.inScope(instance)) continue;
    count.desired += 1;
    if (slot?.task != null) count.current += 1;
    if (slot?.task != null && rollout.isCurrent(slot.task)) count.updated += 1;
    if (isReady(slot)) count.ready += 1;
    if (slot?.uncovered?.deployment === target.id) uncoveredMs += slot.uncovered.ms;
    const gapSince = slot === undefined ? target.createdAt : slot.gapSince;
    if (gapSince !== null) uncoveredMs += Math.max(0, now - Math.max(gapSince, target.createdAt));
  }
  return {
    observedRevision: progress === null ? null : (target?.revision.id ?? null),
    ...count,
    unavailable: count.desired - count.ready,
    deferred: progress?.deferredInstances.length ?? 0,
    uncoveredHostSeconds: Math.round(uncoveredMs / 1_000),
    estimatedSecondsLeft: secondsLeft(rollout, count, now),
  };
}

/** As fast as until now. A bake says nothing of how fast it will go on, and how long a person takes nobody knows. */
function secondsLeft(
  rollout: Rollout,
  { desired, updated }: { readonly desired: number; readonly updated: number },
  now: Instant,
): number | null {
  const { progress } = rollout;
  if (progress?.state !== 'running' || updated === 0 || restOf(rollout) !== null) return null;
  return Math.round((((now - progress.startedAt) / updated) * (desired - updated)) / 1_000);
}
