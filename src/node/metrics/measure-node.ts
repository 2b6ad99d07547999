import type { KnownMembers } from '../membership/known-members.ts';
import type { NodeHealth } from '../node-health.ts';
import type { NodeParts } from '../node-parts.ts';
import type { NodeMeasures } from '../ports.ts';
import type { RaftPeerStatus } from '../raft/raft-peer-types.ts';
import type { SpaceGuard } from '../disk/space-guard.ts';
import { folderSizes } from './folder-sizes.ts';
import type { RaftCounters } from './raft-counters.ts';

export interface Measured {
  readonly parts: NodeParts;
  readonly raft: RaftPeerStatus | null;
  readonly leaderlessMs: number;
  readonly counters: RaftCounters;
  readonly known: KnownMembers;
  readonly space: SpaceGuard;
  readonly health: NodeHealth;
  readonly eventLoopLagMs: number;
}

/** All that a node can say in numbers. Counts are since the process started; asked for at each scrape, not before. */
export async function measureNode(node: Measured): Promise<NodeMeasures> {
  const { parts, leaderlessMs, counters, known, space, health, eventLoopLagMs } = node;
  const { store, transport } = parts;
  const sizes = await folderSizes(store.dir);
  return {
    role: health.role,
    raft: node.raft === null ? null : raftOf(node.raft, node),
    leaderlessMs,
    voters: known.confState().voters.length,
    campaigns: counters.campaigns,
    snapshots: counters.snapshots,
    commands: counters.commands,
    leaderChanges: counters.leaderChanges,
    disk: {
      ...sizes,
      freeBytes: space.freeBytes,
      isLow: space.isLow,
      isDamaged: store.kind === 'damaged',
      verifiedAgoMs: store.kind === 'damaged' ? null : store.scrubber.verifiedAgoMs,
    },
    transport: { ...transport.counters, isConnected: transport.isConnected },
    eventLoopLagMs,
  };
}

function raftOf(status: RaftPeerStatus, { parts }: Measured): NonNullable<NodeMeasures['raft']> {
  const { hardState, firstIndex, lastIndex, stateIndex, waiting, progress } = status;
  const { config, directory } = parts;
  return {
    term: hardState.term,
    commitIndex: hardState.commit,
    appliedIndex: stateIndex,
    firstIndex,
    lastIndex,
    commandsWaiting: waiting,
    followers: progress.flatMap(({ id, match }) => {
      const name = directory.nameOf(id);
      return name === undefined || name === config.name ? [] : [{ node: name, behind: Math.max(0, lastIndex - match) }];
    }),
  };
}
