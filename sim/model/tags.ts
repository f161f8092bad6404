import { z } from 'zod';

import { ecsError, invalid, isError, type EcsError } from './answer.ts';
import { findCluster, findHost, findTask } from './lookup.ts';
import { findTaskDefinition } from './task-definitions.ts';
import { operation, tagsField } from './validation.ts';
import type { Tag } from './records.ts';
import type { World } from './world.ts';

const TAGS_PER_RESOURCE_MAX = 50;
const ECS_ARN = /^arn:aws:ecs:[^:]*:[^:]*:(?<kind>[a-z-]+)\/(?<rest>.+)$/;

export const tagResource = operation(z.object({ resourceArn: z.string(), tags: tagsField }), (world, input) => {
  const tagged = findTagged(world, input.resourceArn);
  if (isError(tagged)) return tagged;
  const merged = new Map([...tagged.tags, ...input.tags].map(({ key, value }) => [key, value]));
  if (merged.size > TAGS_PER_RESOURCE_MAX) return invalid('Too many tags on the resource.');
  tagged.tags = [...merged].map(([key, value]) => ({ key, value }));
  return {};
});

export const untagResource = operation(
  z.object({ resourceArn: z.string(), tagKeys: z.array(z.string()) }),
  (world, input) => {
    const tagged = findTagged(world, input.resourceArn);
    if (isError(tagged)) return tagged;
    tagged.tags = tagged.tags.filter((tag) => !input.tagKeys.includes(tag.key));
    return {};
  },
);

export const listTagsForResource = operation(z.object({ resourceArn: z.string() }), (world, input) => {
  const tagged = findTagged(world, input.resourceArn);
  return isError(tagged) ? tagged : { tags: tagged.tags };
});

function findTagged(world: World, arn: string): { tags: Tag[] } | EcsError {
  const parts = ECS_ARN.exec(arn)?.groups;
  if (parts === undefined) return invalid('The resource ARN is not valid.');
  const { kind = '', rest = '' } = parts;
  switch (kind) {
    case 'cluster':
      return findCluster(world, arn);
    case 'task-definition':
      return findTaskDefinition(world, arn) ?? notFound('task definition');
    case 'container-instance':
    case 'task': {
      const cluster = findCluster(world, rest.split('/')[0]);
      if (isError(cluster)) return cluster;
      if (kind === 'container-instance') return findHost(cluster, arn) ?? notFound('container instance');
      const task = findTask(cluster, arn);
      if (task?.lastStatus === 'STOPPED') {
        return invalid('The specified task is inactive. Specify an active task and try again.');
      }
      return task ?? notFound('task');
    }
    default:
      return invalid('The resource ARN is not of a kind that has tags.');
  }
}

function notFound(noun: string): EcsError {
  return ecsError('ResourceNotFoundException', `The specified ${noun} was not found.`);
}
