import { Counter, Histogram, Registry } from 'prom-client';

/** Every metric of the scheduler, named and explained in one place. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Seconds. Turns take milliseconds when there is nothing to do and seconds when hundreds of hosts are launched on. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `daemon_scheduler_${name}`, help, registers });
  return {
    registry,
    turns: new Histogram({
      name: 'daemon_scheduler_turn_seconds',
      help: 'Turns of environment actors, by ending and by what woke them',
      labelNames: ['ending', 'woken_by'] as const,
      buckets: SECONDS,
      registers,
    }),
    surveys: new Histogram({
      name: 'daemon_scheduler_survey_seconds',
      help: 'Surveys of clusters',
      labelNames: ['published'] as const,
      buckets: SECONDS,
      registers,
    }),
    events: new Counter({
      name: 'daemon_scheduler_events_total',
      help: 'Events and hints taken in, by what became of them',
      labelNames: ['outcome'] as const,
      registers,
    }),
    launches: counter('launches_total', 'Launch calls promised and sent'),
    replays: counter('replays_total', 'Launches sent again with their key because their outcome was unknown'),
    stops: counter('stops_total', 'Stops requested'),
    duplicates: counter(
      'duplicate_tasks_total',
      'Second live tasks of an environment on a host that were stopped; should stay 0',
    ),
    replacements: counter('replacements_total', 'Stops of outdated tasks for a rollout; among the stops'),
    rollbacks: counter('rollbacks_total', 'Deployments that failed by themselves and were rolled back'),
    pauses: counter('pauses_total', 'Deployments that were paused by themselves, until somebody decides'),
    takeovers: new Counter({
      name: 'daemon_scheduler_takeovers_total',
      help: 'Jobs taken over from a worker that went silent',
      labelNames: ['queue'] as const,
      registers,
    }),
    failures: new Counter({
      name: 'daemon_scheduler_job_failures_total',
      help: 'Jobs that failed and come again; turns that are only taken again are among them',
      labelNames: ['queue'] as const,
      registers,
    }),
    fenced: counter('fenced_turns_total', 'Turns that a newer claim or spec ended'),
    unreadable: counter('unreadable_values_total', 'Turns that ended at a stored value nobody can read'),
  };
}
