import type { Explanation } from '../../consensus/status.ts';
import type { ConfState, PeerId } from '../../consensus/types.ts';
import type { DiagnosisJson } from '../../protocol/http/diagnosis.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PeerDirectory } from '../ports.ts';
import type { RaftPeerStatus } from '../raft/raft-peer-types.ts';
import { DEFAULT_RAFT_SETTINGS } from '../raft/raft-settings.ts';
import { whyNoLeader, whyNotCommitting } from './explain-text.ts';

/** What a node finds where it runs. */
export type Surroundings = Pick<DiagnosisJson, 'disk' | 'files' | 'certificateExpiresMs' | 'wrappingKey'>;

export interface DiagnosisParts {
  /** What it tells the other nodes about itself. */
  readonly info: NodeInfo;
  readonly clusterId: ClusterId | null;
  /** Null before it takes part. */
  readonly raft: { readonly status: RaftPeerStatus; readonly explanation: Explanation } | null;
  readonly confState: ConfState;
  readonly members: readonly { readonly id: NodeName; readonly voter: boolean; readonly api: string | null }[];
  readonly directory: PeerDirectory;
  readonly isConnected: boolean;
  readonly surroundings: Surroundings;
}

/** What this node alone can say about its state and its cluster's. */
export function diagnose(parts: DiagnosisParts): DiagnosisJson {
  const { info, clusterId, raft, confState, isConnected, surroundings } = parts;
  return {
    node: info.id,
    version: info.version ?? '',
    clusterId,
    wallMs: info.wallMs,
    uptimeMs: info.uptimeMs ?? 0,
    reads: info.reads,
    role: info.role,
    leader: info.leader,
    term: info.term ?? 0,
    commitIndex: info.commitIndex ?? 0,
    appliedIndex: info.appliedIndex ?? 0,
    problem: info.problem,
    ...reasonsOf(parts, raft?.explanation ?? null),
    members: membersOf(parts),
    changingMembers: confState.votersOutgoing.length > 0,
    eventLoopLagMs: info.eventLoopLagMs,
    natsPid: info.natsPid,
    connected: isConnected,
    ...surroundings,
  };
}

function reasonsOf(
  { directory }: DiagnosisParts,
  explanation: Explanation | null,
): Pick<DiagnosisJson, 'noLeader' | 'notCommitting'> {
  if (explanation === null) return { noLeader: null, notCommitting: null };
  const nameOf = (peer: PeerId): string => directory.nameOf(peer) ?? `peer ${peer}`;
  const context = { nameOf, tickMs: DEFAULT_RAFT_SETTINGS.tickMs };
  const { noLeader, notCommitting } = explanation;
  return {
    noLeader: noLeader === undefined ? null : whyNoLeader(noLeader, context),
    notCommitting: notCommitting === undefined ? null : whyNotCommitting(notCommitting, context),
  };
}

function membersOf({ info, raft, members, directory }: DiagnosisParts): DiagnosisJson['members'] {
  return members.map(({ id, voter, api }) => {
    const peer = directory.peerOf(id);
    const progress = id === info.id ? undefined : raft?.status.progress.find((other) => other.id === peer);
    if (raft === null || progress === undefined) return { id, voter, api, heard: null, behind: null };
    const behind = Math.max(0, raft.status.lastIndex - progress.match);
    return { id, voter, api, heard: progress.activeLately, behind };
  });
}
