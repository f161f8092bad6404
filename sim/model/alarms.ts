/** The alarms of a simulated CloudWatch. They do what they are told: nothing here looks at a metric. */
export interface Alarm {
  readonly name: string;
  readonly type: AlarmType;
  readonly state: AlarmState;
  /** Since when it is in this state, in epoch milliseconds. */
  readonly since: number;
}

export type AlarmType = 'MetricAlarm' | 'CompositeAlarm';
type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export interface AlarmPage {
  readonly alarms: readonly Alarm[];
  /** Name of the last alarm of the page; null: it was the last page. */
  readonly next: string | null;
}

export class AlarmBoard {
  readonly #alarms = new Map<string, Alarm>();

  /** Makes the alarm when there is none of this name. */
  set(now: number, { name, type, state }: Omit<Alarm, 'since'>): Alarm {
    const known = this.#alarms.get(name);
    const alarm = { name, type, state, since: known?.state === state ? known.since : now };
    this.#alarms.set(name, alarm);
    return alarm;
  }

  /** Alarms by name, those after `after`. `names` empty: all. A name that no alarm has is left out. */
  page(ask: {
    readonly names: readonly string[];
    readonly types: readonly AlarmType[];
    readonly after: string;
    readonly most: number;
  }): AlarmPage {
    const fitting = [...this.#alarms.values()]
      .filter(({ name, type }) => name > ask.after && ask.types.includes(type))
      .filter(({ name }) => ask.names.length === 0 || ask.names.includes(name))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const alarms = fitting.slice(0, ask.most);
    return { alarms, next: fitting.length > ask.most ? (alarms.at(-1)?.name ?? null) : null };
  }
}
