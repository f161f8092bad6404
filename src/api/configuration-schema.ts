/**
 * `deploymentConfiguration` on the wire, and what it means. An unknown member is a fault: a typo must not become a default.
 * The members stand in alphabetical order, as in all requests.
 */
import { z } from '@hono/zod-openapi';
import { READY_ATTRIBUTE } from '../domain/facts.ts';
import { DEFAULT_CONFIGURATION } from '../domain/revision.ts';
import type { Amount, DeploymentConfiguration, WaveConfiguration } from '../domain/revision.ts';
import { ofType, oneOf, wholeNumber } from './fields.ts';

/** More hosts than a cluster of ECS has: 5,000 (ECS endpoints and quotas, container instances per cluster). */
const MOST_HOSTS = 10_000;
/** ECS API reference, DeploymentCircuitBreaker: the breaker of a service trips after 3 to 200 failures. */
const FEWEST_FAILURES = 3;
const MOST_FAILURES = 200;
/** A task that needs longer to be called ready has a health check, which says more. */
const MOST_READY_SECONDS = 3600;
/** A day: what is to bake for longer wants a person to look at it. */
const MOST_BAKE_MINUTES = 24 * 60;
/** A week, for clusters whose hosts come and go with working days. */
const MOST_DEADLINE_MINUTES = 7 * 24 * 60;
/** Each wave is a line for people to follow; by attribute one line may stand for many waves. */
const MOST_WAVES = 10;
/** Each is asked about again and again while a rollout runs. */
const MOST_ALARMS = 10;
/** CloudWatch API reference, PutMetricAlarm. */
const MOST_ALARM_CHARACTERS = 255;
/** ECS API reference, Attribute. */
const ATTRIBUTE_NAME = /^[a-zA-Z0-9_./\\-]{1,128}$/;

const ORDER = 'stop-then-start';
const PERCENT = /^(?:[1-9][0-9]?|100)%$/;

const amount = (least: number, most: number) => {
  const rule = `should be a whole number from ${least} to ${most}, or from "1%" to "100%"`;
  return z.union([z.int({ error: rule }).min(least, rule).max(most, rule), z.string().regex(PERCENT, rule)], {
    error: rule,
  });
};
const choice = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, { error: oneOf(values) });

const waveSchema = z
  .strictObject(
    {
      bakeMinutes: wholeNumber(0, MOST_BAKE_MINUTES)
        .nullish()
        .openapi({ description: 'How long the wave must stay ready before the next one opens by itself; default 0.' }),
      by: z
        .string({ error: ofType('string') })
        .regex(ATTRIBUTE_NAME, 'should be the name of a host attribute')
        .refine(
          (name) => name !== READY_ATTRIBUTE,
          `should be another attribute: this scheduler sets ${READY_ATTRIBUTE}`,
        )
        .nullish()
        .openapi({
          description:
            'A wave for each value that hosts have of this attribute, up to 200 in all; hosts with others come last.',
          example: 'ecs.availability-zone',
        }),
      canary: amount(1, MOST_HOSTS).nullish().openapi({ description: 'A wave of so many hosts.' }),
      promote: choice(['auto', 'manual'])
        .nullish()
        .openapi({ description: 'What opens the next wave; auto by default.' }),
    },
    { error: ofType('object') },
  )
  .refine(
    ({ by, canary }) => ((by ?? null) === null) !== ((canary ?? null) === null),
    'should have one of [by canary]',
  );

const wavesSchema = z
  .array(waveSchema, { error: ofType('array') })
  .max(MOST_WAVES, `should have at most ${MOST_WAVES} items`)
  .superRefine((waves, context) => {
    const firstBy = waves.findIndex(({ by, canary }) => by != null && canary == null);
    for (const [index, { canary }] of waves.entries()) {
      if (canary == null || firstBy === -1 || index < firstBy) continue;
      const message = 'should come before the waves by attribute';
      context.addIssue({ code: 'custom', path: [index, 'canary'], message });
    }
  });

export const configurationSchema = z
  .strictObject(
    {
      alarms: z
        .array(
          z
            .string({ error: ofType('string') })
            .min(1, 'should be at least 1 chars long')
            .max(MOST_ALARM_CHARACTERS, `should be at most ${MOST_ALARM_CHARACTERS} chars long`),
          { error: ofType('array') },
        )
        .max(MOST_ALARMS, `should have at most ${MOST_ALARMS} items`)
        .nullish()
        .openapi({ description: 'Names of CloudWatch alarms that trip the circuit breaker.' }),
      failures: amount(FEWEST_FAILURES, MOST_FAILURES)
        .nullish()
        .openapi({
          description:
            'Failed attempts that trip the circuit breaker; a percentage is of the hosts whose wave is open. Half of them by default, ' +
            'and for the first deployment none.',
        }),
      maxUnavailable: amount(1, MOST_HOSTS)
        .nullish()
        .openapi({
          description: `Hosts that the rollout may leave without a ready task at a time; default ${DEFAULT_CONFIGURATION.maxUnavailable}.`,
        }),
      minReadySeconds: wholeNumber(0, MOST_READY_SECONDS)
        .nullish()
        .openapi({ description: 'How long a task must be RUNNING to count as ready; default 0.' }),
      order: z
        .literal(ORDER, { error: `should be ${ORDER}: at most one task per host is the promise` })
        .nullish()
        .openapi({ description: 'At most one task per host is the promise.' }),
      rollback: choice(['auto', 'pause']).nullish().openapi({
        description: 'What a tripped circuit breaker does; auto, by default, deploys what was completed last.',
      }),
      waveDeadlineMinutes: wholeNumber(1, MOST_DEADLINE_MINUTES)
        .nullish()
        .openapi({ description: 'Longest a wave may take; then the circuit breaker trips. No limit by default.' }),
      waves: wavesSchema
        .nullish()
        .openapi({ description: 'In this order, canaries first; all other hosts come last. All at once by default.' }),
    },
    { error: ofType('object') },
  )
  .openapi('DeploymentConfigurationRequest');

export type ConfigurationRequest = z.infer<typeof configurationSchema>;

/** What `given` makes of `base`: a member left out stays, one that is null goes back to its default. */
export const configured = (
  base: DeploymentConfiguration,
  given: ConfigurationRequest | null | undefined,
): DeploymentConfiguration => {
  if (given === undefined) return base;
  if (given === null) return DEFAULT_CONFIGURATION;
  const { maxUnavailable, failures, waves, ...rest } = given;
  const reset = DEFAULT_CONFIGURATION;
  return {
    maxUnavailable: changed(read(maxUnavailable, amountOf), base.maxUnavailable, reset.maxUnavailable),
    waves: changed(
      read(waves, (all) => all.map(waveOf)),
      base.waves,
      reset.waves,
    ),
    minReadySeconds: changed(rest.minReadySeconds, base.minReadySeconds, reset.minReadySeconds),
    failures: changed(read(failures, amountOf), base.failures, reset.failures),
    waveDeadlineMinutes: changed(rest.waveDeadlineMinutes, base.waveDeadlineMinutes, reset.waveDeadlineMinutes),
    alarms: changed(rest.alarms, base.alarms, reset.alarms),
    rollback: changed(rest.rollback, base.rollback, reset.rollback),
  };
};

const changed = <T>(given: T | null | undefined, base: T, reset: T): T =>
  given === undefined ? base : (given ?? reset);

const read = <Given, T>(given: Given | null | undefined, as: (given: Given) => T): T | null | undefined =>
  given === null || given === undefined ? (given as null | undefined) : as(given);

/** A text is one that `PERCENT` let through. */
const amountOf = (given: number | string): Amount => given as Amount;

const waveOf = ({ by, canary, promote, bakeMinutes }: z.infer<typeof waveSchema>): WaveConfiguration => ({
  // One of them is there, as was checked.
  of: canary == null ? { kind: 'attribute', name: by ?? '' } : { kind: 'canary', hosts: amountOf(canary) },
  promote: promote ?? 'auto',
  bakeMinutes: bakeMinutes ?? 0,
});

const amountWire = z.union([z.number().int(), z.string()]);

/** As it is shown: every member that has a value. Sent back in a request it means the same. */
export const configurationWireSchema = z
  .object({
    maxUnavailable: amountWire,
    order: z.literal(ORDER),
    waves: z.array(
      z.object({
        canary: amountWire.optional(),
        by: z.string().optional(),
        promote: z.enum(['auto', 'manual']),
        bakeMinutes: z.number().int(),
      }),
    ),
    minReadySeconds: z.number().int(),
    failures: amountWire.optional(),
    waveDeadlineMinutes: z.number().int().optional(),
    alarms: z.array(z.string()),
    rollback: z.enum(['auto', 'pause']),
  })
  .openapi('DeploymentConfiguration');

export const configurationWire = (given: DeploymentConfiguration): z.infer<typeof configurationWireSchema> => ({
  maxUnavailable: given.maxUnavailable,
  order: ORDER,
  waves: given.waves.map(({ of, promote, bakeMinutes }) => ({
    ...(of.kind === 'canary' ? { canary: of.hosts } : { by: of.name }),
    promote,
    bakeMinutes,
  })),
  minReadySeconds: given.minReadySeconds,
  ...(given.failures !== null && { failures: given.failures }),
  ...(given.waveDeadlineMinutes !== null && { waveDeadlineMinutes: given.waveDeadlineMinutes }),
  alarms: [...given.alarms],
  rollback: given.rollback,
});
