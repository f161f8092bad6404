/**
 * What is written of the hosts' troubles for people to read, in one record for all hosts together.
 *
 * T1. Its size has a bound that neither the number of hosts nor their words move. Docker and registries are quoted with ids, so
 *     every host may have a reason of its own, and a record that etcd refuses as too large would end this turn and all that follow.
 * T2. What is left out is counted or pointed to: the slot of the host has the whole reason, and `GET …/hosts/ID` shows it.
 */
import type { FailedInstance } from '../domain/environment.ts';
import type { InstanceArn } from '../domain/ids.ts';

/**
 * In one list. More than a cluster of ECS has: 5,000 (ECS endpoints and quotas, container instances per cluster). Stored, a host
 * is some 45 bytes, as ARNs of one cluster differ in their last 32 characters alone: 450 kB.
 */
const HOSTS_LISTED_MOST = 10_000;
/** Each is 500 characters (`slots.ts`), of six bytes at worst: 150 kB. People read a few. */
const REASONS_IN_FULL_MOST = 50;
/** Sentences of a status; each is a reason and three names. They are shown with every environment of a list: 65 kB at worst. */
const SENTENCES_MOST = 20;
/** Hosts named in one sentence; the rest are counted. */
const HOSTS_NAMED = 3;

const TOLD_BY_HOST = 'one of many different reasons: GET …/hosts/ID tells it';

/** In order of ARN, and the reasons that the most hosts share in full. */
export function listedFailures(failures: readonly FailedInstance[]): readonly FailedInstance[] {
  const listed = failures.toSorted((a, b) => (a.instance < b.instance ? -1 : 1)).slice(0, HOSTS_LISTED_MOST);
  const shared = new Map<string, number>();
  for (const { reason } of listed) shared.set(reason, (shared.get(reason) ?? 0) + 1);
  const inFull = commonest(shared, REASONS_IN_FULL_MOST);
  return listed.map((failure) => (inFull.has(failure.reason) ? failure : { ...failure, reason: TOLD_BY_HOST }));
}

export const listedHosts = (hosts: readonly InstanceArn[]): readonly InstanceArn[] =>
  hosts.toSorted().slice(0, HOSTS_LISTED_MOST);

/** One sentence for each of the reasons that keep the most hosts from a ready task, and one for all others. */
export function sentences(troubles: ReadonlyMap<string, readonly InstanceArn[]>): readonly string[] {
  const told = commonest(new Map([...troubles].map(([why, there]) => [why, there.length])), SENTENCES_MOST);
  const lines: string[] = [];
  let others = 0;
  for (const [why, there] of troubles) {
    if (told.has(why)) lines.push(`${counted(there.length, '')} no ready task: ${why} (${named(there)})`);
    else others += there.length;
  }
  lines.sort();
  if (others > 0) lines.push(`${counted(others, 'more ')} no ready task, for other reasons: GET …/hosts tells them`);
  return lines;
}

/** Of texts that are alike in number always the same ones, so that a record does not change while its hosts do not. */
const commonest = (counts: ReadonlyMap<string, number>, most: number): ReadonlySet<string> =>
  new Set(
    [...counts]
      .toSorted(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1))
      .slice(0, most)
      .map(([text]) => text),
  );

const counted = (hosts: number, more: '' | 'more '): string =>
  `${hosts} ${more}${hosts === 1 ? 'host has' : 'hosts have'}`;

function named(hosts: readonly InstanceArn[]): string {
  const names = hosts
    .toSorted()
    .slice(0, HOSTS_NAMED)
    .map((arn) => arn.slice(arn.lastIndexOf('/') + 1));
  return hosts.length > HOSTS_NAMED ? `${names.join(', ')} and ${hosts.length - HOSTS_NAMED} more` : names.join(', ');
}
