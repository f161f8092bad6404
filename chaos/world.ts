/** The hosts and environments of a run, what becomes of them, and whether the scheduler has caught up with it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EnvironmentName } from '../src/domain/ids.ts';
import type { Dice } from './dice.ts';
import type { Target } from './target.ts';
import type { ChaosSystem } from './system.ts';
import { gaps, type EnvironmentLife, type HostLife } from './witness.ts';

const CLUSTER = 'default';
const LOOK_EVERY_MS = 200;
/** Environments that stay; the oldest goes when another round has made more. */
const ENVIRONMENTS_KEPT = 4;
const HOSTS_LEAST = 20;
const HOSTS_MOST = 36;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class World {
  /** What happened by itself, by kind. */
  readonly events = new Map<string, number>();
  readonly #system: ChaosSystem;
  readonly #dice: Dice;
  readonly #hosts: Mutable<HostLife>[] = [];
  readonly #environments: Mutable<EnvironmentLife>[] = [];
  /** Hosts whose agent is away. */
  readonly #away = new Set<string>();
  #named = 0;

  constructor(system: ChaosSystem, dice: Dice) {
    this.#system = system;
    this.#dice = dice;
  }

  get hostLives(): readonly HostLife[] {
    return this.#hosts;
  }

  get environmentLives(): readonly EnvironmentLife[] {
    return this.#environments;
  }

  /** Takes note of the hosts that are there from the start. */
  async look(): Promise<void> {
    for (const { containerInstanceArn: arn } of await this.#system.ecs.hosts(CLUSTER))
      this.#hosts.push({ arn, from: Date.now(), to: null });
  }

  async target(): Promise<Target> {
    const { api, store } = this.#system;
    this.#named += 1;
    const environment = await api.create({ name: `chaos-${this.#named}`, cluster: CLUSTER });
    const record = await store.environments.read(environment.name as EnvironmentName);
    if (record === null) throw new Error(`${environment.name} was created and is not there`);
    return {
      id: record.spec.value.id,
      name: environment.name,
      deploy: async () => {
        this.#environments.push({ group: `daemon:${environment.name}`, from: Date.now(), to: null });
        await api.deploy(environment);
      },
    };
  }

  async joinHosts(count: number): Promise<void> {
    this.#count('hosts joined', count);
    for (const { containerInstanceArn: arn } of await this.#system.ecs.addHosts(CLUSTER, count))
      this.#hosts.push({ arn, from: Date.now(), to: null });
  }

  /** The world goes on: hosts join, vanish and drain, agents flap, tasks end. */
  async churn(): Promise<void> {
    const { ecs } = this.#system;
    if (this.#eligible().length < HOSTS_MOST) await this.joinHosts(this.#dice.int(1, 3));
    if (this.#eligible().length > HOSTS_LEAST) {
      const gone = this.#end(this.#dice.pick(this.#eligible()));
      this.#count('hosts vanished', 1);
      await ecs.removeHost(gone);
      const drained = this.#end(this.#dice.pick(this.#eligible()));
      this.#count('hosts drained', 1);
      await ecs.drain(CLUSTER, drained);
    }
    const flapping = this.#end(this.#dice.pick(this.#eligible()));
    this.#away.add(flapping);
    this.#count('agents gone and back', 1);
    await ecs.connectAgent(flapping, false);
    const { tasks } = await ecs.ledger();
    const live = tasks.filter(({ stoppedAt, group }) => stoppedAt === null && this.#wanted().includes(group));
    for (const { taskArn } of this.#dice.shuffled(live).slice(0, 3))
      if (await ecs.exitTask(taskArn)) this.#count('tasks ended by themselves', 1);
  }

  /** Agents that went come back. */
  async calm(): Promise<void> {
    for (const arn of this.#away) {
      await this.#system.ecs.connectAgent(arn, true);
      this.#hosts.push({ arn, from: Date.now(), to: null });
    }
    this.#away.clear();
  }

  /** Deletes the oldest environments. */
  async retire(): Promise<void> {
    const kept = this.#environments.filter(({ to }) => to === null);
    for (const life of kept.slice(0, Math.max(0, kept.length - ENVIRONMENTS_KEPT))) {
      await this.#system.api.remove(life.group.slice('daemon:'.length));
      life.to = Date.now();
      this.#count('environments deleted', 1);
    }
  }

  /** Waits until every eligible host has one task of every environment, deployments are completed and deleted environments' tasks are gone. Gives what is missing when time is up. */
  async converge(withinMs: number): Promise<readonly string[]> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const missing = [...(await this.#gaps()), ...(await this.#undone())];
      if (missing.length === 0 || performance.now() > deadline) return missing;
      this.#system.died.throwIfAborted();
      await delay(LOOK_EVERY_MS);
    }
  }

  async #gaps(): Promise<readonly string[]> {
    const { hostsAndGroups } = await this.#system.ecs.ledger();
    const deleted = this.#environments.filter(({ to }) => to !== null).map(({ group }) => group);
    const hosts = this.#eligible().map(({ arn }) => arn);
    return gaps(hostsAndGroups, hosts, this.#wanted(), deleted);
  }

  async #undone(): Promise<readonly string[]> {
    const undone: string[] = [];
    for (const group of this.#wanted()) {
      const name = group.slice('daemon:'.length);
      const deployments = await this.#system.api.deployments(name);
      for (const { status } of deployments) if (status !== 'completed') undone.push(`${name}: deployment ${status}`);
    }
    return undone;
  }

  #wanted(): readonly string[] {
    return this.#environments.filter(({ to }) => to === null).map(({ group }) => group);
  }

  #eligible(): readonly Mutable<HostLife>[] {
    return this.#hosts.filter(({ to }) => to === null);
  }

  #end(life: Mutable<HostLife>): string {
    life.to = Date.now();
    return life.arn;
  }

  #count(kind: string, by: number): void {
    this.events.set(kind, (this.events.get(kind) ?? 0) + by);
  }
}
