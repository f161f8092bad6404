import { as, type Instant } from '../domain/ids.ts';

/** As `2018-06-18T22:28:28+00:00`, `2018-06-18T22:28:28Z`, `2018-06-18T22:28:28` or `2018-06-18`. */
const MOMENT = /^(?<day>\d{4}-\d\d-\d\d)(?:(?<time>T\d\d:\d\d:\d\d)(?<zone>Z|[+-]\d\d:\d\d)?)?$/;

/** Without a zone it is of UTC, without a time the day's beginning. null: it is none. */
export function momentOf(text: string): Instant | null {
  const { day, time = 'T00:00:00', zone = 'Z' } = MOMENT.exec(text)?.groups ?? {};
  if (day === undefined) return null;
  const midnight = new Date(`${day}T00:00:00Z`);
  const at = Date.parse(`${day}${time}${zone}`);
  if (Number.isNaN(midnight.getTime()) || Number.isNaN(at)) return null;
  // A 30th of February is read as a day of March.
  return midnight.toISOString().startsWith(day) ? as<Instant>(at) : null;
}
