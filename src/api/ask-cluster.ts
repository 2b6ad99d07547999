import { ParleyError } from '../protocol/errors.ts';
import type { ChatNode } from '../node/ports.ts';
import type { ApiLimits } from './config.ts';

/** What asking takes. */
export interface ClusterAsker {
  readonly node: Pick<ChatNode, 'readBarrier' | 'leaderlessMs'>;
  readonly limits: Pick<ApiLimits, 'askClusterMs' | 'authenticateWithinMs'>;
}

/**
 * What this node does not know, another may have written a moment ago: before “there is no such thing” is said, this
 * node catches up with the cluster and looks again. What it knows is answered at once.
 *
 * @param beforeAsking called when the cluster has to be asked; may throw, e.g. because somebody asks too often
 * @returns what `find` finds, undefined when the cluster does not know it either
 * @throws ParleyError `no_leader`, `deadline_exceeded` when the cluster cannot be asked now
 */
export async function knownToCluster<T>(
  { node, limits }: ClusterAsker,
  find: () => T | undefined,
  beforeAsking: () => void = () => {},
): Promise<T | undefined> {
  const known = find();
  if (known !== undefined) return known;
  checkInTouch({ node, limits });
  beforeAsking();
  await node.readBarrier(limits.askClusterMs);
  return find();
}

/** @throws ParleyError `no_leader` on a node that has had no leader for too long to know who is who */
export function checkInTouch({ node, limits }: ClusterAsker): void {
  if (node.leaderlessMs() > limits.authenticateWithinMs) {
    throw new ParleyError('no_leader', 'This node is cut off from the cluster: use another.');
  }
}
