import type { CompareOperator, Query, Subject } from './query-parser.ts';
import type { Host } from './records.ts';

/** Whether the host satisfies the query. A subject without a value satisfies only what is negated. */
export function matches(query: Query, host: Host): boolean {
  switch (query.kind) {
    case 'and':
      return matches(query.left, host) && matches(query.right, host);
    case 'or':
      return matches(query.left, host) || matches(query.right, host);
    case 'not':
      return !matches(query.of, host);
    case 'exists':
      return valuesOf(query.subject, host).length > 0 !== query.negated;
    case 'in':
      return valuesOf(query.subject, host).some((value) => query.values.includes(value)) !== query.negated;
    case 'match':
      return valuesOf(query.subject, host).some((value) => query.pattern.test(value)) !== query.negated;
    case 'compare':
      return compareAny(valuesOf(query.subject, host), query.operator, query.value, query.subject);
  }
}

/**
 * The EC2 instance ids that a host must have to satisfy the query, or null when it names none. A query that pins its
 * hosts is answered from an index and not by a look at each of thousands of hosts.
 */
export function pinnedInstanceIds(query: Query): readonly string[] | null {
  if (query.kind === 'in' && query.subject.kind === 'ec2InstanceId' && !query.negated) return query.values;
  if (query.kind === 'compare' && query.subject.kind === 'ec2InstanceId' && query.operator === '==') {
    return [query.value];
  }
  return query.kind === 'and' ? (pinnedInstanceIds(query.left) ?? pinnedInstanceIds(query.right)) : null;
}

/** All values of a subject: `task:group` has one for each group that wants to run there, the others have one or none. */
function valuesOf(subject: Subject, host: Host): readonly string[] {
  switch (subject.kind) {
    case 'attribute': {
      const value = host.attributes.get(subject.name);
      return value === undefined ? [] : [value ?? ''];
    }
    case 'agentConnected':
      return [String(host.agentConnected)];
    case 'agentVersion':
      return [host.agentVersion];
    case 'ec2InstanceId':
      return [host.ec2InstanceId];
    case 'registeredAt':
      return [String(host.registeredAt)];
    case 'runningTasksCount':
      return [String(runningTasks(host).length)];
    case 'task:group':
      return runningTasks(host).map((task) => task.group);
  }
}

/** ECS goes by the desired status: a task that is still stopping does not count. */
function runningTasks(host: Host): readonly { readonly group: string }[] {
  return [...host.tasks].filter((task) => task.desiredStatus === 'RUNNING');
}

function compareAny(values: readonly string[], operator: CompareOperator, wanted: string, subject: Subject): boolean {
  if (operator === '!=') return !compareAny(values, '==', wanted, subject);
  return values.some((value) => {
    const order = compare(value, wanted, subject);
    switch (operator) {
      case '==':
        return order === 0;
      case '>':
        return order > 0;
      case '>=':
        return order >= 0;
      case '<':
        return order < 0;
      case '<=':
        return order <= 0;
    }
  });
}

/** Negative, zero or positive; NaN, which satisfies no comparison, when the wanted value cannot be read. */
function compare(value: string, wanted: string, subject: Subject): number {
  switch (subject.kind) {
    case 'registeredAt':
      return Number(value) - parseInstant(wanted);
    case 'runningTasksCount':
      return Number(value) - Number(wanted);
    case 'agentVersion':
      return compareVersions(value, wanted);
    case 'attribute':
      return isNumber(value) && isNumber(wanted) ? Number(value) - Number(wanted) : compareText(value, wanted);
    case 'agentConnected':
    case 'ec2InstanceId':
    case 'task:group':
      return compareText(value, wanted);
  }
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isNumber(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text);
}

function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const DAY_MS = 86_400_000;
const INSTANT =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)(?:T(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d(?:\.\d+)?))?(?:Z|(?<sign>[+-])(?<offsetHour>\d\d):?(?<offsetMinute>\d\d))?)?$/;

/** ISO 8601 to epoch milliseconds, NaN when it is none. By hand because the model may not touch the clock's own type. */
function parseInstant(text: string): number {
  const groups = INSTANT.exec(text)?.groups;
  if (groups === undefined) return Number.NaN;
  const part = (name: string): number => Number(groups[name] ?? 0);
  const offsetMinutes = (groups['sign'] === '-' ? -1 : 1) * (part('offsetHour') * 60 + part('offsetMinute'));
  const days = daysSinceEpoch(part('year'), part('month'), part('day'));
  return days * DAY_MS + ((part('hour') * 60 + part('minute') - offsetMinutes) * 60 + part('second')) * 1_000;
}

/** The year is taken to begin in March, so that the leap day is its last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const monthFromMarch = (month + 9) % 12;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leapDays + Math.floor((153 * monthFromMarch + 2) / 5) + day - 1 - 719_468;
}
