import { deleteAttributes, listAttributes, putAttributes } from './attributes.ts';
import { createCluster, deleteCluster, describeClusters, listClusters } from './clusters.ts';
import {
  deregisterContainerInstance,
  describeContainerInstances,
  listContainerInstances,
  registerContainerInstance,
  updateContainerInstancesState,
} from './container-instances.ts';
import { runTask, startTask } from './launches.ts';
import { listTagsForResource, tagResource, untagResource } from './tags.ts';
import {
  deregisterTaskDefinition,
  describeTaskDefinition,
  listTaskDefinitionFamilies,
  listTaskDefinitions,
  registerTaskDefinition,
} from './task-definitions.ts';
import { describeTasks, listTasks, stopTask, submitTaskStateChange } from './tasks.ts';
import type { BucketName } from './throttle.ts';
import type { Operation } from './validation.ts';

export interface OperationEntry {
  readonly bucket: BucketName;
  readonly answer: Operation;
}

/** Every operation that is simulated, and the bucket that limits it. */
export const OPERATIONS: ReadonlyMap<string, OperationEntry> = new Map<string, OperationEntry>([
  ['DeleteAttributes', { bucket: 'cluster resource modify', answer: deleteAttributes }],
  ['DeregisterContainerInstance', { bucket: 'cluster resource modify', answer: deregisterContainerInstance }],
  ['PutAttributes', { bucket: 'cluster resource modify', answer: putAttributes }],
  ['RunTask', { bucket: 'cluster resource modify', answer: runTask }],
  ['StartTask', { bucket: 'cluster resource modify', answer: startTask }],
  ['StopTask', { bucket: 'cluster resource modify', answer: stopTask }],
  ['UpdateContainerInstancesState', { bucket: 'cluster resource modify', answer: updateContainerInstancesState }],
  ['DescribeContainerInstances', { bucket: 'cluster resource read', answer: describeContainerInstances }],
  ['DescribeTasks', { bucket: 'cluster resource read', answer: describeTasks }],
  ['ListAttributes', { bucket: 'cluster resource read', answer: listAttributes }],
  ['ListContainerInstances', { bucket: 'cluster resource read', answer: listContainerInstances }],
  ['ListTasks', { bucket: 'cluster resource read', answer: listTasks }],
  ['DescribeClusters', { bucket: 'cluster read', answer: describeClusters }],
  ['ListClusters', { bucket: 'cluster read', answer: listClusters }],
  ['CreateCluster', { bucket: 'cluster modify', answer: createCluster }],
  ['DeleteCluster', { bucket: 'cluster modify', answer: deleteCluster }],
  ['DescribeTaskDefinition', { bucket: 'task definition read', answer: describeTaskDefinition }],
  ['ListTaskDefinitionFamilies', { bucket: 'task definition read', answer: listTaskDefinitionFamilies }],
  ['ListTaskDefinitions', { bucket: 'task definition read', answer: listTaskDefinitions }],
  ['RegisterTaskDefinition', { bucket: 'task definition modify', answer: registerTaskDefinition }],
  ['DeregisterTaskDefinition', { bucket: 'task definition modify', answer: deregisterTaskDefinition }],
  ['TagResource', { bucket: 'tag modify', answer: tagResource }],
  ['UntagResource', { bucket: 'tag modify', answer: untagResource }],
  ['ListTagsForResource', { bucket: 'tag read', answer: listTagsForResource }],
  ['RegisterContainerInstance', { bucket: 'agent modify', answer: registerContainerInstance }],
  ['SubmitTaskStateChange', { bucket: 'agent modify', answer: submitTaskStateChange }],
]);
