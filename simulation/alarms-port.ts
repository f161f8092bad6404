/** The alarms as a process sees them: those of the model's CloudWatch, behind a network that fails. */
import { AlarmsUnavailableError, type AlarmSource } from '../src/alarms/alarms.ts';
import type { AlarmState } from '../src/domain/facts.ts';
import type { EcsModel } from '../sim/model/model.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import { latency } from './latency.ts';
import type { Process } from './process.ts';

export interface AlarmNetwork {
  readonly model: EcsModel;
  readonly faults: Faults;
  readonly chance: Chance;
}

export const alarmsPort = (process: Process, { model, faults, chance }: AlarmNetwork): AlarmSource => ({
  async states(names) {
    const failed = faults.strikes('alarms unreadable');
    const trip = { what: 'alarms', there: latency(chance, 'ecs'), back: latency(chance, 'ecs') };
    const states = await process.exchange(trip, () => statesOf(names, model));
    if (failed) throw new AlarmsUnavailableError({ code: 'InternalServiceFault', message: 'simulated' });
    return states;
  },
});

function statesOf(names: readonly string[], model: EcsModel): ReadonlyMap<string, AlarmState> {
  const { alarms } = model.alarms.page({ names, types: ['MetricAlarm'], after: '', most: names.length });
  const states = new Map<string, AlarmState>(names.map((name) => [name, 'MISSING']));
  for (const { name, state } of alarms) states.set(name, state);
  return states;
}
