/** From views to the JSON of `hosts`, `status` and `plan`; what has no value is left out. */
import type { Instant } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/launch.ts';
import type { Foretold, HostView, StatusView } from '../insight/insight.ts';
import type { HostWire, PlanWire, StatusWire } from './insight-schemas.ts';

export const renderHosts = (hosts: readonly HostView[], more: boolean): string => {
  const last = hosts.at(-1);
  return text({
    items: hosts.map(hostWire),
    ...(more && last !== undefined && { nextToken: Buffer.from(last.instance).toString('base64url') }),
  });
};

export const renderHost = (host: HostView, history: readonly HistoryEntry[]): string =>
  text({
    ...hostWire(host),
    history: history.map(({ at, saw, rule, did, outcome }) => ({
      at: iso(at),
      saw,
      rule,
      did,
      ...(outcome !== null && { outcome }),
    })),
  });

export const renderStatus = ({ observedRevision, estimatedSecondsLeft, ...counts }: StatusView): string => {
  const wire: StatusWire = {
    ...(observedRevision !== null && { observedRevision }),
    ...counts,
    ...(estimatedSecondsLeft !== null && { estimatedSecondsLeft }),
  };
  return text(wire);
};

export const renderPlan = ({ hosts, manualWaves, ...rest }: Foretold): string => {
  const wire: PlanWire = {
    ...rest,
    hosts: hosts.map(({ wave, reason, ...host }) => ({
      ...host,
      ...(wave !== null && { wave }),
      ...(reason !== null && { reason }),
    })),
    manualWaves: [...manualWaves],
  };
  return text(wire);
};

const hostWire = (host: HostView): HostWire => ({
  instance: host.instance,
  ...(host.ec2InstanceId !== null && { ec2InstanceId: host.ec2InstanceId }),
  state: host.state,
  explanation: host.explanation,
  ...(host.task !== null && { task: { ...host.task, revision: host.task.revision ?? 'adopted' } }),
  ...(host.since !== null && { since: iso(host.since) }),
  ...(host.wave !== null && { wave: host.wave }),
  ...(host.waitingFor !== null && { waitingFor: host.waitingFor }),
  ...(host.until !== null && { until: iso(host.until) }),
  failedAttempts: host.failedAttempts,
});

const text = (wire: object): string => `${JSON.stringify(wire)}\n`;
const iso = (at: Instant): string => new Date(at).toISOString();
