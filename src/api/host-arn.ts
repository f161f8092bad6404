/** Hosts in paths: the id of a container instance, or its ARN; where a host is only shown, the id of its machine too. */
import { as } from '../domain/ids.ts';
import type { ClusterArn, InstanceArn } from '../domain/ids.ts';
import type { HostView } from '../insight/insight.ts';
import { PAGE_NOT_FOUND, refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import { HOST_ID } from './fields.ts';
import { valid } from './validation.ts';
import type { Valid } from './validation.ts';

const CLUSTER = /^(?<account>arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:)cluster\/(?<name>[a-zA-Z0-9_-]+)$/;

/** `i-…` of EC2, `mi-…` of SSM: no id of a container instance looks like it. */
const MACHINE_ID = /^m?i-[0-9a-zA-Z]+$/;

export const isMachineId = (given: string): boolean => MACHINE_ID.test(given);

/** The registration that tells of the machine now: an ACTIVE one, and of these one whose agent is there. */
export const hostOnMachine = (machine: string, hosts: readonly HostView[]): HostView | undefined =>
  hosts
    .filter(({ ec2InstanceId }) => ec2InstanceId === machine)
    .toSorted((a, b) => standing(b) - standing(a))
    .at(0);

const standing = ({ status, state }: HostView): number =>
  Number(status !== null) + 2 * Number(state !== 'disconnected') + 4 * Number(status === 'ACTIVE');

export const noSuchHost = (host: string, environment: string): Refusal =>
  refusal(404, `Host ${host} is not known to environment ${environment}; a new one is seen within a survey`);

/**
 * The ARN of a host of the cluster. ARNs of the short format, which have no cluster in them, must be given whole: an
 * account that was not migrated has them (ECS developer guide, ARNs and IDs).
 */
export const hostArn = (given: string, cluster: ClusterArn): Valid<InstanceArn> => {
  const { account = '', name = '' } = CLUSTER.exec(cluster)?.groups ?? {};
  const prefix = `${account}container-instance/`;
  if (isMachineId(given)) {
    return refusal(
      400,
      `${given} is a machine: here a host is the id of its container instance, which GET …/hosts/${given} tells`,
    );
  }
  if (HOST_ID.test(given)) return valid(as<InstanceArn>(`${prefix}${name}/${given}`));
  if (!given.startsWith('arn:') || /\p{Cc}/u.test(given)) return PAGE_NOT_FOUND;
  const [id = '', ...path] = given.slice(prefix.length).split('/').toReversed();
  const isOurs = given.startsWith(prefix) && HOST_ID.test(id) && (path.length === 0 || path.join('/') === name);
  return isOurs ? valid(as<InstanceArn>(given)) : refusal(400, `Host ${given} is not of cluster ${cluster}`);
};
