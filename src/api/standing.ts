/** From requests to what stands in a spec: the parts that creating and updating share. */
import type { AdoptSelector } from '../domain/adoption.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ClusterArn, EnvironmentName } from '../domain/ids.ts';
import { drainOrderFault } from '../domain/update.ts';
import type { ApiDeps } from './app-env.ts';
import type { Refusal } from './errors.ts';
import type { CreateEnvironmentRequest } from './request-schemas.ts';
import { invalid } from './validation.ts';

/** What is stored is what ECS gets: a field set to null is a field left out. */
export const networkOf = (given: CreateEnvironmentRequest['networkConfiguration']): JsonObject | null => {
  if (given === undefined || given === null) return null;
  const { assignPublicIp, securityGroups, subnets } = given.awsvpcConfiguration;
  return {
    awsvpcConfiguration: {
      subnets,
      ...(securityGroups && { securityGroups }),
      ...(assignPublicIp && { assignPublicIp }),
    },
  };
};

export const selectorOf = (given: CreateEnvironmentRequest['adopt']): AdoptSelector | null => {
  for (const kind of ['startedBy', 'family', 'service'] as const) {
    const value = given?.[kind];
    if (typeof value === 'string') return { kind, value };
  }
  return null;
};

export interface DrainOrder {
  readonly name: EnvironmentName;
  readonly cluster: ClusterArn;
  readonly drainAfter: readonly EnvironmentName[];
}

/** Whether an environment may drain after those, going by the environments there are now. */
export const checkDrainOrder = async (
  deps: Pick<ApiDeps, 'view'>,
  { name, cluster, drainAfter }: DrainOrder,
): Promise<Refusal | null> => {
  if (drainAfter.length === 0) return null;
  const snapshot = await deps.view.current();
  const { items } = snapshot.list({
    after: null,
    limit: Number.POSITIVE_INFINITY,
    matches: (spec) => spec.cluster === cluster,
  });
  const others = new Map(items.map(({ spec }) => [spec.value.name, spec.value.drainAfter]));
  const fault = drainOrderFault(name, drainAfter, others);
  switch (fault?.kind) {
    case undefined:
      return null;
    case 'itself':
      return invalid([`drainAfter.${fault.index} in body is the environment itself`]);
    case 'unknown':
      return invalid([`drainAfter.${fault.index} in body is not an environment of cluster ${cluster}: ${fault.name}`]);
    case 'cycle':
      return invalid([`drainAfter in body makes a cycle: ${fault.path.join(' after ')}`]);
  }
};
