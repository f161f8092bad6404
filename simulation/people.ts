/** People with the API: they create environments, deploy, delete, and create a successor once the name is free. */
import { NOTHING_FORGOTTEN, forgettable } from '../src/domain/retention.ts';
import { decideDeletion, decideDeployment } from '../src/domain/transitions.ts';
import {
  as,
  type ClusterArn,
  type DeploymentId,
  type DeploymentToken,
  type EnvironmentId,
  type EnvironmentName,
  type Instant,
} from '../src/domain/ids.ts';
import { AS_MADE, type Deployment, type EnvironmentSpec } from '../src/domain/environment.ts';
import { revisionsToKeep } from '../src/domain/update.ts';
import type { EnvironmentRecord } from '../src/domain/world.ts';
import type { MemoryStore } from '../src/store/memory-store.ts';
import type { Chance } from './chance.ts';
import { revisionOf, usual, type Definitions } from './definitions.ts';
import type { Witness } from './witness.ts';
import { EPOCH } from './process.ts';
import type { Timeline } from './timeline.ts';

const AGAIN_MS = { least: 200, most: 900 };

export interface PeopleOptions {
  readonly memory: MemoryStore;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly witness: Witness;
  readonly cluster: ClusterArn;
  readonly definitions: Definitions;
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
    const { memory, cluster, chance, definitions, onCreated } = this.options;
    const definition = chance.pick(definitions.plain);
    if (definition === undefined) return false;
    this.made += 1;
    const spec: EnvironmentSpec = {
      id: as(`environment-${this.made}`),
      name,
      cluster,
      revision: revisionOf(usual(definition), this.now()),
      deploymentToken: this.token(),
      createdAt: this.now(),
      ...AS_MADE,
    };
    if ((await memory.create(spec, null)).kind !== 'done') return false;
    onCreated(spec.id);
    await this.noteSpec(name);
    return await this.deploy(name);
  }

  /** Deploys what the environment says; first its content changes, now and then its task definition too. */
  async deploy(name: EnvironmentName): Promise<boolean> {
    const { memory, chance, definitions } = this.options;
    const record = await memory.read(name);
    if (record === null || record.spec.value.deletion !== null) return false;
    const definition = chance.happens(0.2) ? chance.pick(definitions.plain) : undefined;
    const current = record.spec.value;
    const spec: EnvironmentSpec = {
      ...current,
      deploymentToken: this.token(),
      revision: definition === undefined ? current.revision : revisionOf(usual(definition), this.now()),
    };
    const decision = decideDeployment(
      { ...record, spec: { ...record.spec, value: spec } },
      { token: spec.deploymentToken, id: this.deploymentId(), at: this.now() },
    );
    return decision.kind === 'deploy' && (await this.write(record, decision));
  }

  async remove(name: EnvironmentName, tasks: 'stop' | 'keep'): Promise<boolean> {
    const { memory, chance } = this.options;
    const record = await memory.read(name);
    if (record === null) return false;
    const decision = decideDeletion(record.spec.value, { requestedAt: this.now(), tasks });
    if (decision.kind !== 'delete') return false;
    if (!(await this.write(record, { spec: decision.spec }))) return false;
    this.deleted.set(record.spec.value.id, tasks);
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

  /** As the API writes: by compare-and-set, with the revisions it needs, and without what may be forgotten. */
  async write(
    record: EnvironmentRecord,
    { spec, deployment = null }: { readonly spec: EnvironmentSpec; readonly deployment?: Deployment | null },
  ): Promise<boolean> {
    const { memory, wake } = this.options;
    const { value: before, modified: seen } = record.spec;
    const moves = spec.revision !== before.revision || deployment !== null;
    const revisions = moves ? revisionsToKeep(before, spec) : [];
    const forget = moves ? forgettable(record, spec.revision.id) : NOTHING_FORGOTTEN;
    const written = await memory.update({ spec, seen, deployment, revisions, forget }, null);
    if (written.kind !== 'done') return false;
    await this.noteSpec(spec.name);
    if (deployment !== null) this.environmentOf.set(deployment.id, spec.id);
    wake(spec.id);
    return true;
  }

  token(): DeploymentToken {
    this.made += 1;
    return as<DeploymentToken>(`token-${this.made}`);
  }

  deploymentId(): DeploymentId {
    this.made += 1;
    return as<DeploymentId>(`deployment-${this.made}`);
  }

  private async noteSpec(name: EnvironmentName): Promise<void> {
    const record = await this.options.memory.read(name);
    if (record !== null) this.options.witness.specWritten(record);
  }

  now(): Instant {
    return as<Instant>(EPOCH + this.options.timeline.now);
  }
}
