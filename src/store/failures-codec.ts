/**
 * The failed and the deferred instances of a deployment, packed: etcd takes 1.5 MB a request, and 10,000 ARNs with a sentence each are more.
 * ARNs of one cluster share their beginning, and many hosts fail for one reason; each is written once. That there are few reasons,
 * and not too many hosts, is the planner's business (`troubles.ts`).
 */
import type { FailedInstance } from '../domain/environment.ts';
import type { InstanceArn } from '../domain/ids.ts';

export interface PackedFailures {
  readonly prefix: string;
  readonly reasons: readonly string[];
  /** Rest of the ARN after `prefix`, index into `reasons`, attempts. */
  readonly hosts: readonly (readonly [string, number, number])[];
}

export function packFailures(failures: readonly FailedInstance[]): PackedFailures {
  const prefix = commonPrefix(failures.map(({ instance }) => instance));
  const reasons = new Map<string, number>();
  const hosts = failures.map(({ instance, reason, attempts }) => {
    const index = reasons.get(reason) ?? reasons.size;
    reasons.set(reason, index);
    return [instance.slice(prefix.length), index, attempts] as const;
  });
  return { prefix, reasons: [...reasons.keys()], hosts };
}

/** null when it names a reason that is not there. */
export function unpackFailures({ prefix, reasons, hosts }: PackedFailures): readonly FailedInstance[] | null {
  const failures: FailedInstance[] = [];
  for (const [rest, index, attempts] of hosts) {
    const reason = reasons[index];
    if (reason === undefined) return null;
    failures.push({ instance: `${prefix}${rest}` as InstanceArn, reason, attempts });
  }
  return failures;
}

export interface PackedArns {
  readonly prefix: string;
  readonly rests: readonly string[];
}

export function packArns(arns: readonly InstanceArn[]): PackedArns {
  const prefix = commonPrefix(arns);
  return { prefix, rests: arns.map((arn) => arn.slice(prefix.length)) };
}

export const unpackArns = ({ prefix, rests }: PackedArns): readonly InstanceArn[] =>
  rests.map((rest) => `${prefix}${rest}` as InstanceArn);

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0] ?? '';
  for (const text of texts) {
    let length = 0;
    while (length < prefix.length && prefix[length] === text[length]) length += 1;
    prefix = prefix.slice(0, length);
  }
  return prefix;
}
