/** What API and actor both do with the record of an environment. */
import type { IRequestOp } from 'etcd3';
import type { Deployment, EnvironmentSpec } from '../domain/environment.ts';
import type { EnvironmentId } from '../domain/ids.ts';
import { deploymentCodec, specCodec } from './codec.ts';
import { put } from './etcd-requests.ts';
import type { KeyRange, Keys } from './keys.ts';

/** All that readers see of an environment. */
export const recordRanges = (keys: Keys, id: EnvironmentId): readonly (string | KeyRange)[] => [
  keys.spec(id),
  keys.revisions(id),
  keys.deployments(id),
  keys.allProgress(id),
  keys.status(id),
];

/** A spec, and a deployment if there is one. */
export const specWrites = (
  keys: Keys,
  spec: EnvironmentSpec,
  deployment: Deployment | null,
  operation?: string,
): readonly IRequestOp[] => [
  put(keys.spec(spec.id), specCodec.encode(spec, operation)),
  ...(deployment === null ? [] : [put(keys.deployment(spec.id, deployment.id), deploymentCodec.encode(deployment))]),
];
