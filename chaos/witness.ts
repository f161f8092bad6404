/** What the simulator's ledger proves about a run. Pure: the ledger and the lives of hosts and environments in, figures out. */

/** A time, in milliseconds since the epoch; `to` null: it lasts. */
interface Span {
  readonly from: number;
  readonly to: number | null;
}

/** A host while it must have a task of every environment. */
export interface HostLife extends Span {
  readonly arn: string;
}

/** An environment from its deployment to its deletion. */
export interface EnvironmentLife extends Span {
  /** `daemon:<environment>` */
  readonly group: string;
}

export interface WitnessedTask {
  readonly containerInstanceArn: string;
  readonly group: string;
  readonly createdAt: number;
  readonly stoppedAt: number | null;
}

/**
 * Time in which a host that should have had a task of an environment had none, over all of them, in host-seconds.
 * It counts what nobody can avoid (a survey, a launch, a dead task's replacement) as well as what faults cost.
 */
export function uncoveredHostSeconds(
  hosts: readonly HostLife[],
  environments: readonly EnvironmentLife[],
  tasks: readonly WitnessedTask[],
  now: number,
): number {
  const lives = new Map<string, Span[]>();
  for (const task of tasks) {
    const key = `${task.containerInstanceArn} ${task.group}`;
    const there = lives.get(key);
    const life = { from: task.createdAt, to: task.stoppedAt };
    if (there === undefined) lives.set(key, [life]);
    else there.push(life);
  }
  let ms = 0;
  for (const host of hosts) {
    for (const { group, from, to } of environments) {
      const wanted = { from: Math.max(host.from, from), to: Math.min(host.to ?? now, to ?? now) };
      if (wanted.to > wanted.from) ms += uncovered(wanted, lives.get(`${host.arn} ${group}`) ?? [], now);
    }
  }
  return ms / 1_000;
}

function uncovered(
  wanted: { readonly from: number; readonly to: number },
  lives: readonly Span[],
  now: number,
): number {
  let [bare, at] = [0, wanted.from];
  for (const life of lives.toSorted((a, b) => a.from - b.from)) {
    bare += Math.max(0, Math.min(life.from, wanted.to) - at);
    at = Math.max(at, Math.min(life.to ?? now, wanted.to));
  }
  return bare + Math.max(0, wanted.to - at);
}

export interface Coverage {
  readonly containerInstanceArn: string;
  readonly group: string;
  readonly live: number;
}

/** What keeps the world from being as it should: in words, empty when it is. */
export function gaps(
  coverage: readonly Coverage[],
  hosts: readonly string[],
  wanted: readonly string[],
  unwanted: readonly string[],
): readonly string[] {
  const live = new Map(coverage.map((one) => [`${one.containerInstanceArn} ${one.group}`, one.live]));
  const missing = wanted.flatMap((group) => {
    const bare = hosts.filter((host) => live.get(`${host} ${group}`) !== 1);
    return bare.length === 0 ? [] : [`${group}: ${bare.length} of ${hosts.length} hosts without exactly one task`];
  });
  const gone = new Set(unwanted);
  const left = coverage.filter(({ group, live }) => gone.has(group) && live > 0).length;
  return left === 0 ? missing : [...missing, `${left} tasks of deleted environments live`];
}
