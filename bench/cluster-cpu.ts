import { existsSync } from 'node:fs';
import { cpuMs } from './cpu-time.ts';
import { cpuSeconds } from './process-watch.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

/** Processor time of all that takes part, in µs. */
export interface CpuTimes {
  /** One for each node, in their order. */
  readonly nodes: readonly number[];
  /** Of all nats-servers together. */
  readonly sidecars: number;
  /** Of the bench itself. */
  readonly load: number;
}

const MICROSECONDS_PER_SECOND = 1e6;

/** What the processes of a cluster have used so far; null where the system does not tell of others (Linux does). */
export function clusterCpu({ layout, supervisor }: ScratchCluster): CpuTimes | null {
  if (!existsSync('/proc/self/stat')) return null;
  const children = layout.nodes.map(({ name }) => supervisor.child(name));
  const of = (pid: number | null | undefined): number => (pid ? cpuSeconds(pid) * MICROSECONDS_PER_SECOND : 0);
  return {
    nodes: children.map((child) => of(child?.pid)),
    sidecars: children.reduce((sum, child) => sum + of(child?.natsPid), 0),
    load: cpuMs() * 1_000,
  };
}

/** What was used between two moments for each of so many messages. */
export function cpuPerMessage(before: CpuTimes, after: CpuTimes, messages: number): CpuTimes {
  const per = (end: number, start: number): number => Math.round((end - start) / messages);
  return {
    nodes: after.nodes.map((used, i) => per(used, before.nodes[i]!)),
    sidecars: per(after.sidecars, before.sidecars),
    load: per(after.load, before.load),
  };
}
