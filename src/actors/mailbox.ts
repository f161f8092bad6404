import type { ClusterArn, EnvironmentId, Instant } from '../domain/ids.ts';

/**
 * The port to the mailbox: wake-ups and nothing else. A wake-up carries no facts; the actor looks for itself.
 * Waking never throws and never waits long: a lost wake-up costs at most one sweep.
 */
export interface Mailbox {
  /** True when the wake-up is surely in the queue. */
  wake(environment: EnvironmentId, reason: WakeReason): Promise<boolean>;
  /** Wakes the environment at `at`, replacing an earlier `wakeAt` of the same environment. */
  wakeAt(environment: EnvironmentId, at: Instant): Promise<boolean>;
  /** Asks for a survey of the cluster now. */
  requestSurvey(cluster: ClusterArn): Promise<boolean>;
}

/** The mailbox of the clusters' readiness turns; what is lost there the next survey makes up for. */
export interface ReadinessMailbox {
  /** Asks for a look at the host attribute `daemons.ready`, by the facts there are now. Never throws. */
  requestReadiness(cluster: ClusterArn): Promise<boolean>;
}

/**
 * deploy: a person asked for something. instance-join: hosts appeared. drift: the cluster changed otherwise.
 * timer: the actor's own "look again". sweep: everyone, now and then.
 */
export type WakeReason = 'deploy' | 'instance-join' | 'drift' | 'timer' | 'sweep';
