/** Parts of evidence: what a ledger and a list of hosts are made of. */
import type { LedgerReport, LedgerTask } from '../../sim/model/ledger.ts';
import type { HostSummary } from '../../sim/model/model.ts';

export type Task = LedgerTask;

export const GROUP = 'daemon:demo';

export const task = (host: string, change: Partial<Task> = {}): Task => ({
  taskArn: `task-${host}`,
  containerInstanceArn: host,
  ec2InstanceId: `i-${host}`,
  group: GROUP,
  startedBy: null,
  taskDefinitionArn: 'daemon:1',
  createdAt: 0,
  startedAt: 1,
  stoppedAt: null,
  lastStatus: 'RUNNING',
  desiredStatus: 'RUNNING',
  stopCode: null,
  stoppedReason: null,
  ...change,
});

export const STOPPED = { lastStatus: 'STOPPED', desiredStatus: 'STOPPED', stoppedAt: 2 } as const;

export const host = (arn: string, status: HostSummary['status'] = 'ACTIVE'): HostSummary => ({
  containerInstanceArn: arn,
  ec2InstanceId: `i-${arn}`,
  cluster: 'default',
  status,
  agentConnected: true,
  registeredAt: 0,
  attributes: {},
  liveTasks: 1,
});

export const ledgerOf = (tasks: readonly Task[]): LedgerReport => ({
  maxLivePerHostAndGroup: 1,
  hostsAndGroups: [],
  operations: {},
  tokenReplays: 0,
  tokenConflicts: 0,
  tasks,
});
