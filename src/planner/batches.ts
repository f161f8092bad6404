import type { Instance } from '../domain/facts.ts';
import { groupOf, type DeploymentId, type Instant, type LaunchId } from '../domain/ids.ts';
import type { Deployment, EnvironmentSpec } from '../domain/environment.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Launch } from '../domain/launch.ts';
import type { Priority } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Candidate } from './machines.ts';

/**
 * Hosts a RunTask call: its `count` goes up to 10 (ECS API reference, RunTask). Run, Start and Stop share one throttle
 * bucket, so ten a call is the difference between ten seconds and two minutes for 5,000 hosts.
 */
const HOSTS_PER_RUN_TASK = 10;
/** One, so that the doubt about a call, which cannot be repeated, is about one host only. */
const HOSTS_PER_START_TASK = 1;

const URGENCY: readonly Priority[] = ['repair', 'new-host', 'rollout'];

export interface Batch {
  readonly priority: Priority;
  readonly deployment: Deployment;
  readonly instances: readonly Instance[];
}

/** Candidates in batches that go out as one call each: the urgent first, one deployment and launch type a batch, in a stable order. */
export function batchesOf(candidates: readonly Candidate[], policy: Policy): readonly Batch[] {
  const size = policy.primitive === 'RunTask' ? HOSTS_PER_RUN_TASK : HOSTS_PER_START_TASK;
  const batches: Batch[] = [];
  const deployments = new Map<DeploymentId, Deployment>();
  for (const { deployment } of candidates) deployments.set(deployment.id, deployment);
  for (const priority of URGENCY) {
    for (const deployment of deployments.values()) {
      for (const launchType of ['EC2', 'EXTERNAL'] as const) {
        const instances = candidates
          .filter((one) => one.priority === priority && one.instance.launchType === launchType)
          .filter((one) => one.deployment.id === deployment.id)
          .map((candidate) => candidate.instance)
          .toSorted((a, b) => (a.arn < b.arn ? -1 : 1));
        for (let at = 0; at < instances.length; at += size) {
          batches.push({ priority, deployment, instances: instances.slice(at, at + size) });
        }
      }
    }
  }
  return batches;
}

/** The promise: everything that will be sent, decided now and never again. */
export function intent(
  batch: Batch,
  spec: EnvironmentSpec,
  id: LaunchId,
  now: Instant,
  primitive: Launch['primitive'],
): Launch {
  const { deployment } = batch;
  return {
    id,
    primitive,
    deployment: deployment.id,
    revision: deployment.revision.id,
    template: deployment.template,
    taskDefinition: deployment.revision.taskDefinition,
    members: batch.instances.map((instance) => ({ instance: instance.arn, ec2InstanceId: instance.ec2InstanceId })),
    request: primitive === 'RunTask' ? runTask(batch, spec, id) : startTask(batch, spec),
    committedAt: now,
    promisedAt: now,
    endedAt: null,
    sends: 1,
    returned: [],
    noReplay: null,
    emptyListingAt: null,
  };
}

function runTask(batch: Batch, spec: EnvironmentSpec, id: LaunchId): JsonObject {
  const hosts = batch.instances.map((instance) => `'${instance.ec2InstanceId}'`).join(', ');
  return {
    ...common(spec, batch.deployment),
    clientToken: id,
    count: batch.instances.length,
    // Explicit: without it the cluster's default capacity provider strategy decides, and a task that does not fit waits in PROVISIONING.
    launchType: batch.instances[0]?.launchType ?? 'EC2',
    placementConstraints: [
      { type: 'memberOf', expression: `ec2InstanceId in [${hosts}]` },
      { type: 'distinctInstance' },
    ],
  };
}

const startTask = (batch: Batch, spec: EnvironmentSpec): JsonObject => ({
  ...common(spec, batch.deployment),
  containerInstances: batch.instances.map((instance) => instance.arn),
});

const common = (spec: EnvironmentSpec, { id, revision }: Deployment): JsonObject => ({
  cluster: spec.cluster,
  taskDefinition: revision.taskDefinition,
  group: groupOf(spec.name),
  startedBy: id,
  ...(revision.networkConfiguration === null ? {} : { networkConfiguration: revision.networkConfiguration }),
});
