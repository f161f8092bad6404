/** Attributes of container instances, put and deleted a few hosts a call. Either may be repeated at will. */
import type { DeleteAttributesCommandInput, PutAttributesCommandInput } from '@aws-sdk/client-ecs';
import type { InstanceArn } from '../domain/ids.ts';
import { ATTRIBUTES_PER_CALL } from './gateway.ts';
import type { AttributeCall, AttributeOutcome } from './gateway.ts';
import type { Ending } from './outcomes.ts';
import { isRefusal, isThrottle } from './outcomes.ts';
import type { WireError } from './wire-errors.ts';

/** What is wrong with one host of a call, and refuses the call as a whole (ECS API reference, PutAttributes). */
const REFUSALS_OF_ONE = new Set(['AttributeLimitExceededException', 'TargetNotFoundException']);

type AttributeInput = PutAttributesCommandInput & DeleteAttributesCommandInput;
type Send = (input: AttributeInput) => Promise<Ending<unknown>>;

/** One outcome for each host. A call refused for the sake of one host is sent again for each of them. */
export async function changeAttribute(
  call: AttributeCall,
  send: Send,
): Promise<ReadonlyMap<InstanceArn, AttributeOutcome>> {
  const { instances } = call;
  if (instances.length === 0 || instances.length > ATTRIBUTES_PER_CALL) {
    throw new RangeError(`a call takes 1 to ${ATTRIBUTES_PER_CALL} hosts, not ${instances.length}`);
  }
  const ending = await send(inputOf(call));
  if (instances.length > 1 && ending.kind === 'error' && REFUSALS_OF_ONE.has(ending.error.fault.code)) {
    const outcomes = new Map<InstanceArn, AttributeOutcome>();
    for (const instance of instances) {
      outcomes.set(instance, outcomeOf(await send(inputOf({ ...call, instances: [instance] }))));
    }
    return outcomes;
  }
  const outcome = outcomeOf(ending);
  return new Map(instances.map((instance) => [instance, outcome]));
}

function inputOf({ cluster, change, instances }: AttributeCall): AttributeInput {
  const { name } = change;
  // Without a value, whatever the value is gets deleted.
  const value = change.kind === 'put' ? { value: change.value } : {};
  return {
    cluster,
    attributes: instances.map((targetId) => ({ name, ...value, targetType: 'container-instance', targetId })),
  };
}

function outcomeOf(ending: Ending<unknown>): AttributeOutcome {
  if (ending.kind === 'answer') return { kind: 'done' };
  const { sent, error } = ending;
  const { fault } = error;
  if (!sent || isThrottle(error)) return { kind: 'refused', fault, retry: true };
  return isRefused(error) ? { kind: 'refused', fault, retry: false } : { kind: 'unknown', fault };
}

const isRefused = (error: WireError): boolean =>
  isRefusal(error) || (error.status !== null && REFUSALS_OF_ONE.has(error.fault.code));
