import type { ScratchCluster } from '../load/scratch-cluster.ts';

/** Ways to take a leader away. */
export const FAULT_KINDS = ['kill', 'kill-all', 'stop', 'partition'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const FAULT_NAMES: Readonly<Record<FaultKind, string>> = {
  kill: 'process killed',
  'kill-all': 'process and nats-server killed',
  stop: 'process stopped',
  partition: 'node cut off',
};

export const isFaultKind = (text: string): text is FaultKind => FAULT_KINDS.some((kind) => kind === text);

/** It lives on without knowing that it was deposed. */
export const survives = (kind: FaultKind): boolean => kind === 'stop' || kind === 'partition';

/** A cluster whose nodes can be cut off from each other. */
export interface FaultyCluster {
  readonly supervisor: Pick<ScratchCluster['supervisor'], 'killNode' | 'startNode' | 'child'>;
  readonly links: ScratchCluster['links'];
}

export async function strike({ supervisor, links }: FaultyCluster, kind: FaultKind, node: string): Promise<void> {
  if (kind === 'stop') supervisor.child(node)?.kill('SIGSTOP');
  else if (kind === 'partition') links?.cutOff(node);
  else await supervisor.killNode(node, { withSidecar: kind === 'kill-all' });
}

export function mend({ supervisor, links }: FaultyCluster, kind: FaultKind, node: string): void {
  if (kind === 'stop') supervisor.child(node)?.kill('SIGCONT');
  else if (kind === 'partition') links?.mend(node);
  else supervisor.startNode(node);
}
