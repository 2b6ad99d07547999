import { Cluster, type ClusterOptions } from './cluster.ts';
import type { PeerId } from '../../consensus/types.ts';

/** What tests of a whole core begin with: three voters, the first of them leading, and short ways to say things. */

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);
export const id = (value: number): PeerId => value as PeerId;

export const three = (peer: NonNullable<ClusterOptions['peer']> = {}): Cluster => {
  const cluster = new Cluster({ voters: [1, 2, 3], peer });
  cluster.elect(1);
  return cluster;
};

/** What was proposed as text and applied at a peer, in order. */
export const appliedTexts = (cluster: Cluster, peer: number): string[] =>
  cluster
    .peer(peer)
    .applied.filter(({ type, data }) => type === 'normal' && data.length > 0)
    .map(({ data }) => text(data));
