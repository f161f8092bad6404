/** People who roll out: they update and deploy, for better or worse, and give orders. In the end they mend what they left. */
import { isOver, type DeploymentProgress } from '../src/domain/environment.ts';
import type { EnvironmentName, InstanceArn } from '../src/domain/ids.ts';
import { decideEnvironmentOrder, decideOrder, type EnvironmentOrder, type RolloutOrder } from '../src/domain/orders.ts';
import { decideDeployment, decideRollback } from '../src/domain/transitions.ts';
import { decideUpdate } from '../src/domain/update.ts';
import type { EnvironmentRecord } from '../src/domain/world.ts';
import type { MemoryStore } from '../src/store/memory-store.ts';
import type { Chance } from './chance.ts';
import {
  canariesOf,
  carefulBy,
  configurationBy,
  queryBy,
  revisionOf,
  usual,
  type Definition,
  type Definitions,
  type Draft,
} from './definitions.ts';
import type { RolloutOrderKind } from './faults.ts';
import type { People } from './people.ts';
import type { Witness } from './witness.ts';
import type { Cluster } from './world.ts';

export interface RolloutPeopleOptions {
  readonly memory: MemoryStore;
  readonly people: People;
  readonly cluster: Cluster;
  readonly chance: Chance;
  readonly witness: Witness;
  readonly definitions: Definitions;
}

export class RolloutPeople {
  private readonly options: RolloutPeopleOptions;

  constructor(options: RolloutPeopleOptions) {
    this.options = options;
  }

  /** Whether something of the kind happened. */
  async happen(kind: RolloutOrderKind, name: EnvironmentName): Promise<boolean> {
    const { memory, cluster, chance } = this.options;
    const record = await memory.read(name);
    if (record === null || record.spec.value.deletion !== null) return false;
    switch (kind) {
      case 'update':
        return await this.update(record, this.draftBy(record), false);
      case 'supersede':
        return await this.update(record, this.draftBy(record), true);
      case 'restart':
        return await this.deploy(record, { restart: true, supersede: chance.happens(0.3) });
      case 'rollback':
        return await this.rollBack(record);
      case 'pause':
      case 'resume':
      case 'promote':
      case 'cancel':
        return await this.order(record, kind);
      case 'freeze':
      case 'thaw':
        return await this.orderOf(record, { kind });
      case 'exclude':
      case 'include':
      case 'retry': {
        const { excluded } = record.spec.value;
        const host = chance.pick(kind === 'include' ? excluded : cluster.hosts().map(arnOf));
        return host !== undefined && (await this.orderOf(record, { kind, instance: host }));
      }
    }
  }

  /** Faults are over: what people hold they let go of, and what is bad they replace. True: something was still to do. */
  async settle(name: EnvironmentName): Promise<boolean> {
    const record = await this.options.memory.read(name);
    if (record === null || record.spec.value.deletion !== null) return false;
    const { frozen, excluded, orders, target, revision } = record.spec.value;
    const [host] = excluded;
    if (frozen) return await this.orderOf(record, { kind: 'thaw' });
    if (host !== undefined) return await this.orderOf(record, { kind: 'include', instance: host });
    const progress = target === null ? undefined : record.progress.get(target);
    const deployed = target === null ? revision : record.deployments.get(target)?.value.revision;
    const isBad = this.options.definitions.bad.some(({ arn }) => arn === deployed?.taskDefinition);
    if (isBad || target === null || progress?.state === 'cancelled') return await this.mend(record);
    if (progress === undefined || isOver(progress)) return false;
    if (progress.trip !== null) return await this.decideOnTrip(record);
    if (orders.paused) return await this.order(record, 'resume');
    return isHeldBack(progress) && (await this.order(record, 'promote'));
  }

  private async decideOnTrip(record: EnvironmentRecord): Promise<boolean> {
    const { chance } = this.options;
    if (chance.happens(0.3)) return await this.order(record, 'resume');
    return (chance.happens(0.5) && (await this.rollBack(record))) || (await this.mend(record));
  }

  /** Something good, and nothing that could stop it. */
  private async mend(record: EnvironmentRecord): Promise<boolean> {
    const { chance, definitions } = this.options;
    const definition = chance.pick(definitions.good);
    if (definition === undefined) return false;
    const configuration = { ...configurationBy(chance), alarms: [], waveDeadlineMinutes: null };
    return await this.update(record, { ...usual(definition), configuration }, true);
  }

  private draftBy(record: EnvironmentRecord): Draft {
    const { chance, definitions } = this.options;
    const { query } = record.spec.value.revision;
    const definition: Definition | undefined = chance.pick(chance.happens(0.35) ? definitions.bad : definitions.good);
    const draft = usual(definition ?? definitions.plain[0] ?? noDefinition());
    const careful = draft.definition.bad && chance.happens(0.6);
    const configuration = careful ? carefulBy(chance) : configurationBy(chance);
    return { ...draft, configuration, query: chance.happens(0.3) ? queryBy(chance) : query };
  }

  /** PATCH, and then a deployment of it. */
  private async update(record: EnvironmentRecord, draft: Draft, supersede: boolean): Promise<boolean> {
    const { memory, people, witness } = this.options;
    const { value: spec } = record.spec;
    const { adopt, drainAfter, required, deploymentToken: token } = spec;
    const revision = revisionOf(draft, people.now());
    const update = { adopt, drainAfter, required, token, next: people.token(), revision };
    const decision = decideUpdate(spec, update);
    if (decision.kind !== 'update' || !(await people.write(record, decision))) return false;
    const now = await memory.read(spec.name);
    if (now === null || !(await this.deploy(now, { restart: false, supersede }))) return true;
    const target = (await memory.read(spec.name))?.spec.value.target ?? null;
    const canaries = canariesOf(draft);
    if (target !== null && canaries !== null) witness.rollouts.tried(target, canaries);
    return true;
  }

  private async deploy(
    record: EnvironmentRecord,
    flags: { readonly restart: boolean; readonly supersede: boolean },
  ): Promise<boolean> {
    const { people } = this.options;
    const token = record.spec.value.deploymentToken;
    const decision = decideDeployment(record, { token, id: people.deploymentId(), at: people.now(), ...flags });
    return decision.kind === 'deploy' && (await people.write(record, decision));
  }

  private async rollBack(record: EnvironmentRecord): Promise<boolean> {
    const { people, chance } = this.options;
    const ids = { id: people.deploymentId(), token: people.token(), at: people.now() };
    const to = chance.happens(0.2) ? (chance.pick([...record.revisions.keys()]) ?? null) : null;
    const decision = decideRollback(record, { ...ids, to });
    return decision.kind === 'deploy' && (await people.write(record, decision));
  }

  private async order(record: EnvironmentRecord, order: RolloutOrder): Promise<boolean> {
    const { target } = record.spec.value;
    if (target === null) return false;
    const decision = decideOrder(record, { deployment: target, order });
    return decision.kind === 'change' && (await this.options.people.write(record, decision));
  }

  private async orderOf(record: EnvironmentRecord, order: EnvironmentOrder): Promise<boolean> {
    const decision = decideEnvironmentOrder(record.spec.value, order);
    return decision.kind === 'change' && (await this.options.people.write(record, decision));
  }
}

/** Its last wave is done, and waits for a person. */
const isHeldBack = ({ waves, open, doneAt }: DeploymentProgress): boolean =>
  doneAt !== null && waves[open - 1]?.promote === 'manual';

const arnOf = ({ containerInstanceArn }: { readonly containerInstanceArn: string }): InstanceArn =>
  containerInstanceArn as InstanceArn;

function noDefinition(): never {
  throw new RangeError('there are no task definitions');
}
