/**
 * Conditions on hosts in ECS's cluster query language (Amazon ECS developer guide, "Cluster query language"). Read once
 * and checked when an environment is written; asked of each host whenever that changes.
 */
import type { Instant } from '../domain/ids.ts';

export type Query =
  | { readonly kind: 'and' | 'or'; readonly left: Query; readonly right: Query }
  | { readonly kind: 'not'; readonly of: Query }
  | { readonly kind: 'exists'; readonly subject: Subject }
  | { readonly kind: 'in'; readonly subject: Subject; readonly values: ReadonlySet<string> }
  | { readonly kind: 'match'; readonly subject: Subject; readonly pattern: RegExp }
  | { readonly kind: 'compare'; readonly subject: Subject; readonly operator: Comparison; readonly value: string }
  | { readonly kind: 'version'; readonly operator: Comparison; readonly value: Version }
  | { readonly kind: 'registered'; readonly operator: Comparison; readonly value: Instant };

export type Subject =
  | { readonly kind: 'attribute'; readonly name: string }
  | { readonly kind: 'ec2InstanceId' | 'agentVersion' | 'agentConnected' | 'registeredAt' };

/** `!=` and the other negated operators are the negation of what they negate: a host without the subject satisfies them. */
export type Comparison = '==' | '>' | '>=' | '<' | '<=';

/** `1.90.0` as its parts. */
export type Version = readonly number[];

export type ParsedQuery =
  | { readonly ok: true; readonly query: Query }
  /** `position`: of the first character that is wrong, from 1; one behind the last where something is missing. */
  | { readonly ok: false; readonly position: number; readonly problem: string };

/** null: the text is no version. What follows the numbers, as a build, does not count. */
export function versionOf(text: string): Version | null {
  const numbers = /^v?(\d+(?:\.\d+)*)(?:[-+].*)?$/.exec(text)?.[1];
  return numbers === undefined ? null : numbers.split('.').map(Number);
}
