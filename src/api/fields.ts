/** What request fields have in common. A message here is the end of a line that begins with `<field> in body`; the words are those of v0.3.0. */
import { z } from '@hono/zod-openapi';

export const ENVIRONMENT_NAME = /^[a-zA-Z0-9-_]{1,30}$/;
/** Lower case only, as in v0.3.0: tokens and ids are compared as they are written. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** 64 bits of a hash: enough to keep the revisions of an environment apart. */
export const REVISION_ID = /^[0-9a-f]{16}$/;
/** Old ones are UUIDs, newer ones the same without hyphens. */
export const HOST_ID = /^[0-9a-zA-Z-]{1,64}$/;

/** Far longer than any ARN or id of AWS; what is stored and sent on stays small. */
const MOST_CHARACTERS = 512;
/** ECS API reference, AwsVpcConfiguration. */
const MOST_SUBNETS = 16;
const MOST_SECURITY_GROUPS = 5;

export type RawIssue = { readonly input?: unknown };
export const ofType =
  (type: string) =>
  ({ input }: RawIssue): string =>
    input === undefined || input === null ? 'is required' : `must be of type ${type}`;
export const shouldMatch = (pattern: RegExp): string => `should match '${pattern.source}'`;
export const oneOf = (values: readonly string[]): string => `should be one of [${values.join(' ')}]`;

export const text = () =>
  z.string({ error: ofType('string') }).max(MOST_CHARACTERS, `should be at most ${MOST_CHARACTERS} chars long`);
const id = (what: string) => text().min(1, `should be at least 1 chars long`).openapi({ description: what });

export const wholeNumber = (least: number, most: number) => {
  const rule = `should be a whole number from ${least} to ${most}`;
  return z.int({ error: rule }).min(least, rule).max(most, rule);
};

export const networkConfigurationSchema = z
  .strictObject(
    {
      awsvpcConfiguration: z.strictObject(
        {
          assignPublicIp: z
            .enum(['ENABLED', 'DISABLED'], { error: oneOf(['ENABLED', 'DISABLED']) })
            .nullish()
            .openapi({ description: 'ECS takes DISABLED, its default, for tasks on container instances.' }),
          securityGroups: z
            .array(id('Id of a security group.'), { error: ofType('array') })
            .max(MOST_SECURITY_GROUPS, `should have at most ${MOST_SECURITY_GROUPS} items`)
            .nullish(),
          subnets: z
            .array(id('Id of a subnet.'), { error: ofType('array') })
            .min(1, 'should have at least 1 items')
            .max(MOST_SUBNETS, `should have at most ${MOST_SUBNETS} items`),
        },
        { error: ofType('object') },
      ),
    },
    { error: ofType('object') },
  )
  .openapi('NetworkConfiguration', {
    description:
      "ECS's networkConfiguration: required by task definitions of network mode awsvpc, refused by all others.",
  });
