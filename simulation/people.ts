/** People with the API: they create environments, deploy, delete, and create a successor once the name is free. */
import { decideDeletion, decideDeployment } from '../src/domain/transitions.ts';
import {
  as,
  type ClusterArn,
  type DeploymentId,
  type DeploymentToken,
  type EnvironmentId,
  type EnvironmentName,
  type Instant,
  type TaskDefinitionArn,
} from '../src/domain/ids.ts';
import type { EnvironmentSpec } from '../src/domain/environment.ts';
import type { MemoryStore } from '../src/store/memory-store.ts';
import type { Chance } from './chance.ts';
import type { Witness } from './invariants.ts';
import { EPOCH } from './process.ts';
import type { Timeline } from './timeline.ts';

const AGAIN_MS = { least: 200, most: 900 };

export interface PeopleOptions {
  readonly memory: MemoryStore;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly witness: Witness;
  readonly cluster: ClusterArn;
  readonly taskDefinitions: readonly TaskDefinitionArn[];
  readonly onCreated: (environment: EnvironmentId) => void;
  readonly wake: (environment: EnvironmentId) => void;
}

export class People {
  /** How each deleted environment was deleted. */
  readonly deleted = new Map<EnvironmentId, 'stop' | 'keep'>();
  /** Which environment a deployment is of. */
  readonly environmentOf = new Map<string, EnvironmentId>();
  private readonly options: PeopleOptions;
  /** Successors that wait for their name. */
  pending = 0;
  private made = 0;

  constructor(options: PeopleOptions) {
    this.options = options;
  }

  async create(name: EnvironmentName): Promise<boolean> {
    const { memory, cluster, chance, taskDefinitions, onCreated } = this.options;
    this.made += 1;
    const spec: EnvironmentSpec = {
      id: as(`environment-${this.made}`),
      name,
      cluster,
      taskDefinition: chance.pick(taskDefinitions) ?? as('daemon:1'),
      networkConfiguration: null,
      deploymentToken: this.token(),
      createdAt: this.now(),
      target: null,
      deletion: null,
    };
    if ((await memory.create(spec, null)).kind !== 'done') return false;
    onCreated(spec.id);
    await this.noteSpec(name);
    return await this.deploy(name);
  }

  /** Deploys what the environment says; first its content changes, now and then its task definition too. */
  async deploy(name: EnvironmentName): Promise<boolean> {
    const { memory, chance, taskDefinitions, wake } = this.options;
    const record = await memory.read(name);
    if (record === null || record.spec.value.deletion !== null) return false;
    const taskDefinition = chance.happens(0.2) ? chance.pick(taskDefinitions) : undefined;
    const current = record.spec.value;
    const spec = {
      ...current,
      deploymentToken: this.token(),
      taskDefinition: taskDefinition ?? current.taskDefinition,
    };
    this.made += 1;
    const decision = decideDeployment(
      { ...record, spec: { ...record.spec, value: spec } },
      { token: spec.deploymentToken, id: as<DeploymentId>(`deployment-${this.made}`), at: this.now() },
    );
    if (decision.kind !== 'deploy') return false;
    await memory.update(decision.spec, record.spec.modified, decision.deployment, null);
    await this.noteSpec(name);
    this.environmentOf.set(decision.deployment.id, spec.id);
    wake(spec.id);
    return true;
  }

  async remove(name: EnvironmentName, tasks: 'stop' | 'keep'): Promise<boolean> {
    const { memory, wake, chance } = this.options;
    const record = await memory.read(name);
    if (record === null) return false;
    const decision = decideDeletion(record.spec.value, { requestedAt: this.now(), tasks });
    if (decision.kind !== 'delete') return false;
    await memory.update(decision.spec, record.spec.modified, null, null);
    await this.noteSpec(name);
    this.deleted.set(record.spec.value.id, tasks);
    wake(record.spec.value.id);
    if (chance.happens(0.7)) this.createLater(name);
    return true;
  }

  private createLater(name: EnvironmentName): void {
    const { timeline, chance } = this.options;
    this.pending += 1;
    timeline.after(chance.int(AGAIN_MS.least, AGAIN_MS.most), `successor of ${name}`, () => {
      this.pending -= 1;
      void this.create(name).then(async (done) => {
        const there = done ? null : await this.options.memory.read(name);
        // Somebody else may have been quicker.
        if (there !== null && there.spec.value.deletion !== null) this.createLater(name);
      });
    });
  }

  private async noteSpec(name: EnvironmentName): Promise<void> {
    const record = await this.options.memory.read(name);
    if (record !== null) this.options.witness.specWritten(record.spec.value.id, record.spec.modified);
  }

  private token(): DeploymentToken {
    this.made += 1;
    return as<DeploymentToken>(`token-${this.made}`);
  }

  private now(): Instant {
    return as<Instant>(EPOCH + this.options.timeline.now);
  }
}
