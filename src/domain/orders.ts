/**
 * What people order by hand: of the rollout that is under way, and of single hosts. Pure, as `transitions.ts`. An order that
 * holds already is `same`, so that a repeated request does no harm.
 */
import {
  isOver,
  type Deployment,
  type DeploymentProgress,
  type EnvironmentSpec,
  type RolloutOrders,
} from './environment.ts';
import type { DeploymentId, InstanceArn } from './ids.ts';
import type { EnvironmentRecord } from './world.ts';

/** They stand in the spec, which every turn loads: 500 ARNs are some 60 KiB. Whoever leaves out more wants a query. */
export const EXCLUDED_MOST = 500;
/** A retry is heeded by the next turn; the list only has to outlast the turns that people fill between them. */
export const RETRIES_KEPT = 100;

export type RolloutOrder = 'pause' | 'resume' | 'promote' | 'cancel';

export type OrderDecision =
  | { readonly kind: 'change'; readonly spec: EnvironmentSpec }
  /** It is so already. */
  | { readonly kind: 'same' }
  /** The environment is being deleted, so for callers it does not exist. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'no-such-deployment' }
  /** Another deployment is the target. */
  | { readonly kind: 'not-current' }
  | { readonly kind: 'over'; readonly state: DeploymentProgress['state'] }
  /** Its hosts are not known yet, so it has no waves. */
  | { readonly kind: 'no-waves' }
  | { readonly kind: 'all-open' };

/** What an order does to the rollout of `deployment`, which must be the target and not over. */
export const decideOrder = (
  record: EnvironmentRecord,
  { deployment, order }: { readonly deployment: DeploymentId; readonly order: RolloutOrder },
): OrderDecision => {
  const target = currentDeployment(record, deployment);
  if (target.kind !== 'current') return target;
  const spec = record.spec.value;
  const progress = record.progress.get(deployment);
  if (order === 'cancel' && (spec.orders.cancelled || progress?.state === 'cancelled')) return { kind: 'same' };
  if (progress !== undefined && isOver(progress)) return { kind: 'over', state: progress.state };
  const orders = ordered(spec.orders, order, progress);
  return 'kind' in orders ? orders : { kind: 'change', spec: { ...spec, orders } };
};

const ordered = (
  orders: RolloutOrders,
  order: RolloutOrder,
  progress: DeploymentProgress | undefined,
): RolloutOrders | OrderDecision => {
  switch (order) {
    case 'pause':
      return orders.paused ? { kind: 'same' } : { ...orders, paused: true };
    case 'resume':
      // The breaker pauses too, and then no order says so.
      if (!orders.paused && progress?.state !== 'paused') return { kind: 'same' };
      return { ...orders, paused: false, resumes: orders.resumes + 1 };
    case 'promote': {
      if (progress === undefined || progress.waves.length === 0) return { kind: 'no-waves' };
      if (progress.open >= progress.waves.length) return { kind: 'all-open' };
      return progress.open <= orders.promoted ? { kind: 'same' } : { ...orders, promoted: progress.open };
    }
    case 'cancel':
      return { ...orders, cancelled: true };
  }
};

export type CurrentDeployment =
  | { readonly kind: 'current'; readonly deployment: Deployment }
  | Extract<OrderDecision, { readonly kind: 'gone' | 'no-such-deployment' | 'not-current' }>;

/** The deployment of that id, if it is the target. */
export const currentDeployment = (record: EnvironmentRecord, id: DeploymentId): CurrentDeployment => {
  const { target, deletion } = record.spec.value;
  if (deletion !== null) return { kind: 'gone' };
  const deployment = record.deployments.get(id)?.value;
  if (deployment === undefined) return { kind: 'no-such-deployment' };
  return target === id ? { kind: 'current', deployment } : { kind: 'not-current' };
};

export type EnvironmentOrder =
  | { readonly kind: 'freeze' | 'thaw' }
  | { readonly kind: 'exclude' | 'include' | 'retry'; readonly instance: InstanceArn };

export type EnvironmentOrderDecision =
  | Extract<OrderDecision, { readonly kind: 'change' | 'same' | 'gone' }>
  /** As many hosts are excluded as may be. */
  | { readonly kind: 'too-many' };

/** What an order does to an environment as a whole, or to it on one host. */
export const decideEnvironmentOrder = (spec: EnvironmentSpec, order: EnvironmentOrder): EnvironmentOrderDecision => {
  if (spec.deletion !== null) return { kind: 'gone' };
  switch (order.kind) {
    case 'freeze':
    case 'thaw': {
      const frozen = order.kind === 'freeze';
      return spec.frozen === frozen ? { kind: 'same' } : { kind: 'change', spec: { ...spec, frozen } };
    }
    case 'exclude':
      if (spec.excluded.includes(order.instance)) return { kind: 'same' };
      if (spec.excluded.length >= EXCLUDED_MOST) return { kind: 'too-many' };
      return { kind: 'change', spec: { ...spec, excluded: [...spec.excluded, order.instance] } };
    case 'include': {
      const excluded = spec.excluded.filter((instance) => instance !== order.instance);
      return excluded.length === spec.excluded.length
        ? { kind: 'same' }
        : { kind: 'change', spec: { ...spec, excluded } };
    }
    case 'retry':
      return { kind: 'change', spec: retried(spec, order.instance) };
  }
};

/** Counts on from the highest count there is: a host that fell off the list and comes back has a higher one than before. */
const retried = (spec: EnvironmentSpec, instance: InstanceArn): EnvironmentSpec => {
  const count = Math.max(0, ...spec.retries.map((retry) => retry.count)) + 1;
  const others = spec.retries.filter((retry) => retry.instance !== instance);
  return { ...spec, retries: [...others, { instance, count }].slice(-RETRIES_KEPT) };
};
