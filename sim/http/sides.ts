import type { EcsModel } from '../model/model.ts';
import type { EventDelivery } from './event-delivery.ts';
import type { SqsSide } from './sqs-route.ts';

/** What the simulator serves: ECS, and the queue that its events go to. */
export interface SimulatorSides {
  readonly model: EcsModel;
  /** Null: no events are wanted. */
  readonly events: (SqsSide & { readonly delivery: EventDelivery }) | null;
}
