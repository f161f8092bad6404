/**
 * The port to what a cluster's actor knows and holds: the environments whose readiness hosts show, and a fence of its own.
 *
 * C1. What a claim shows is of one revision of the store, and nobody else claimed the cluster since that revision: whoever
 *     claims later knows at least as much.
 * C2. A claim holds until the next one, by whomever.
 * C3. A cluster is claimed only if it has required environments, or had some when it was claimed before.
 */
import type { ClusterArn, Revision } from '../domain/ids.ts';
import type { RequiredEnvironment } from '../domain/required.ts';

export interface ClusterStore {
  /** Loads and takes the fence. `holder`: for people who read it. Throws StoreUnavailableError. */
  claim(cluster: ClusterArn, holder: string): Promise<ClusterClaimResult>;
}

export type ClusterClaimResult =
  | { readonly kind: 'claimed'; readonly claim: ClusterClaim }
  /** None of its environments is required, and none ever was. */
  | { readonly kind: 'unconcerned' }
  /** Somebody else claimed it at the same time. */
  | { readonly kind: 'fenced' }
  /** A value cannot be read, so that it is not known which environments are required; `fault` is for people. */
  | { readonly kind: 'unreadable'; readonly key: string; readonly fault: string };

export interface ClusterClaim {
  /** Identity of the store, as in Facts.storeId. */
  readonly storeId: string;
  /** Revision of the claim: facts of a later one are of another state of the store. */
  readonly revision: Revision;
  /** Some environment is on the cluster, so that it is surveyed. */
  readonly watched: boolean;
  readonly required: readonly RequiredEnvironment[];
  /** Whether no other claim came after it. Throws StoreUnavailableError. */
  holds(): Promise<boolean>;
}
