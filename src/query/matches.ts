import type { Instance } from '../domain/facts.ts';
import { VALUE_CHARACTERS_MOST } from './pattern.ts';
import { versionOf, type Comparison, type Query, type Subject, type Version } from './query.ts';

/** Whether the host satisfies the query. What it does not have satisfies nothing but a negation. */
export function matches(query: Query, host: Instance): boolean {
  switch (query.kind) {
    case 'and':
      return matches(query.left, host) && matches(query.right, host);
    case 'or':
      return matches(query.left, host) || matches(query.right, host);
    case 'not':
      return !matches(query.of, host);
    case 'version':
      return isVersion(host.agentVersion, query.operator, query.value);
    case 'registered':
      return host.registeredAt !== null && holds(query.operator, host.registeredAt - query.value);
    case 'exists':
    case 'in':
    case 'match':
    case 'compare':
      return isText(query, textOf(query.subject, host));
  }
}

type OfText = Extract<Query, { readonly subject: Subject }>;

function isText(query: OfText, text: string | null): boolean {
  if (text === null) return false;
  switch (query.kind) {
    case 'exists':
      return true;
    case 'in':
      return query.values.has(text);
    case 'match':
      // The pattern was reckoned for values that ECS takes.
      return text.length <= VALUE_CHARACTERS_MOST && query.pattern.test(text);
    case 'compare':
      return query.operator === '==' ? text === query.value : holds(query.operator, order(text, query.value));
  }
}

/** An attribute that is there without a value has an empty one. */
function textOf(subject: Subject, host: Instance): string | null {
  switch (subject.kind) {
    case 'attribute':
      return host.attributes.has(subject.name) ? (host.attributes.get(subject.name) ?? '') : null;
    case 'ec2InstanceId':
      return host.ec2InstanceId;
    case 'agentVersion':
      return host.agentVersion;
    case 'agentConnected':
      return String(host.agentConnected);
    case 'registeredAt':
      return host.registeredAt === null ? null : String(host.registeredAt);
  }
}

/** `difference`: of the host's value and the query's. */
function holds(operator: Comparison, difference: number): boolean {
  switch (operator) {
    case '==':
      return difference === 0;
    case '>':
      return difference > 0;
    case '>=':
      return difference >= 0;
    case '<':
      return difference < 0;
    case '<=':
      return difference <= 0;
  }
}

const NUMBER = /^-?\d+(?:\.\d+)?$/;

/** Two numbers by their amount, anything else as text. */
function order(a: string, b: string): number {
  if (NUMBER.test(a) && NUMBER.test(b)) return Number(a) - Number(b);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isVersion(text: string | null, operator: Comparison, wanted: Version): boolean {
  const version = text === null ? null : versionOf(text);
  if (version === null) return false;
  for (let part = 0; part < Math.max(version.length, wanted.length); part += 1) {
    const difference = (version[part] ?? 0) - (wanted[part] ?? 0);
    if (difference !== 0) return holds(operator, difference);
  }
  return holds(operator, 0);
}
