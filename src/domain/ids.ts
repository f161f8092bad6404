/** Branded names of things. A brand costs nothing at run time and keeps a task ARN out of an instance's place. */

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** UUID of an environment. Never used again, also when a later environment has the same name. */
export type EnvironmentId = Branded<string, 'EnvironmentId'>;
/** What people call an environment: `^[a-zA-Z0-9-_]{1,30}$`. */
export type EnvironmentName = Branded<string, 'EnvironmentName'>;
/** UUID; also `startedBy` of every task the deployment launches (36 characters, ECS API reference, StartTask). */
export type DeploymentId = Branded<string, 'DeploymentId'>;
/** UUID the caller must show to deploy; it names the content of the environment he has seen. */
export type DeploymentToken = Branded<string, 'DeploymentToken'>;
/** Hash of a revision's content: equal content is the same revision. */
export type RevisionId = Branded<string, 'RevisionId'>;
/** What a task is made from, in one word: tasks of one template are alike, and a rollout replaces those of another. */
export type Template = Branded<string, 'Template'>;
/** UUID of a launch; also its `clientToken`, ECS's idempotency key (64 characters at most, ECS API reference, RunTask). */
export type LaunchId = Branded<string, 'LaunchId'>;

export type ClusterArn = Branded<string, 'ClusterArn'>;
/** ARN of a container instance: a host as ECS knows it. A host that registers again is another container instance. */
export type InstanceArn = Branded<string, 'InstanceArn'>;
export type TaskArn = Branded<string, 'TaskArn'>;
/** ARN with an explicit revision. */
export type TaskDefinitionArn = Branded<string, 'TaskDefinitionArn'>;

/** A moment, in milliseconds since the epoch. */
export type Instant = Branded<number, 'Instant'>;
/** A revision of the store: grows with every write, so it orders what clocks cannot. */
export type Revision = Branded<number, 'Revision'>;

/** Gives a checked value its brand. Call it where input is validated, nowhere else. */
export const as = <Id extends string | number>(value: Id extends string ? string : number): Id => value as Id;

/** The moment `ms` after `at`. */
export const after = (at: Instant, ms: number): Instant => (at + ms) as Instant;

/** ECS task group of an environment's tasks. Tasks cannot change group, so it is how we know our own. */
export const groupOf = (name: EnvironmentName): string => `${DAEMON_GROUP_PREFIX}${name}`;
export const DAEMON_GROUP_PREFIX = 'daemon:';
