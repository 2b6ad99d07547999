import { strict as assert } from 'node:assert';
import type { PeerId } from '../consensus/types.ts';

const PEERS_MAX = 4096;

/**
 * Marks the commands of one start of one node, in the whole cluster. A boot id alone is unique only on its own node:
 * two nodes that start in the same second count from the same number, and would take each other's results for theirs.
 */
export function commandOrigin(bootId: number, peer: PeerId): number {
  assert(peer > 0 && peer < PEERS_MAX, `peer id ${peer} is out of range`);
  const origin = bootId * PEERS_MAX + peer;
  assert(Number.isSafeInteger(origin), `boot id ${bootId} is out of range`);
  return origin;
}
