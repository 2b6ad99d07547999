import type { NodeInfo } from './node-info.ts';
import type { ClusterJson, StatusJson } from '../protocol/http/schemas.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';

/** What is known of one node: who it is, what it last said, whether it answers now. */
export interface NodeSighting {
  readonly id: NodeName;
  readonly voter: boolean;
  readonly up: boolean;
  readonly info: NodeInfo | null;
}

/**
 * Who leads, to the knowledge of this node: one that takes no part, or has not heard of a new term yet, goes by what
 * the leader says of itself.
 */
export function leadership(
  view: { readonly leader: NodeName | null; readonly term: number },
  sightings: readonly NodeSighting[],
): { readonly leader: NodeName | null; readonly term: number } {
  let { leader, term } = view;
  for (const { id, up, info } of sightings) {
    if (!up || info?.role !== 'leader' || info.term === null) continue;
    if (info.term > term || (info.term === term && leader === null))
      ({ leader, term } = { leader: id, term: info.term });
  }
  return { leader, term };
}

/** The answer of `chatctl status`, from what the nodes said. */
export function assembleStatus(
  clusterId: ClusterId | null,
  view: {
    readonly leader: NodeName | null;
    readonly term: number;
    readonly commitIndex: number;
    /** In the configuration; one whose node is being replaced is not among the sightings. */
    readonly voters: number;
  },
  sightings: readonly NodeSighting[],
): StatusJson {
  const { voters } = view;
  const { leader, term } = leadership(view, sightings);
  const needed = Math.floor(voters / 2) + 1;
  const leaderIsUp = sightings.some(({ id, up, info }) => id === leader && up && info?.role === 'leader');
  const leaderInfo = sightings.find(({ id }) => id === leader)?.info ?? null;
  const commitIndex = Math.max(view.commitIndex, leaderIsUp ? (leaderInfo?.commitIndex ?? 0) : 0);
  const serving = sightings.filter(({ voter, up, info }) => voter && up && info?.problem === null).length;
  const counting = sightings.filter(({ voter, up, info }) => voter && up && countsForQuorum(info)).length;
  return {
    clusterId,
    healthy: leaderIsUp && serving === voters,
    leader: leaderIsUp && counting >= needed ? leader : null,
    term,
    commitIndex,
    quorum: { voters, needed, faultTolerance: voters - needed },
    nodes: sightings.map((sighting) => statusOf(sighting, commitIndex)),
  };
}

/** A node that is being repaired, or whose disk is low, acknowledges what it is sent: one with a term takes part. */
function countsForQuorum(info: NodeInfo | null): boolean {
  return info !== null && (info.problem === null || info.diskLow || (info.role === 'repairing' && info.term !== null));
}

function statusOf(sighting: NodeSighting, commitIndex: number): StatusJson['nodes'][number] {
  const { id, voter, up, info } = sighting;
  if (!up || info === null) {
    return {
      id,
      role: null,
      voter,
      up,
      term: null,
      lastIndex: null,
      commitIndex: null,
      appliedIndex: null,
      lag: null,
      api: info?.api ?? null,
      pid: null,
      natsPid: null,
      version: info?.version ?? null,
      uptimeMs: null,
      sockets: null,
      stateHash: null,
      stateHashIndex: null,
      verifiedAgoMs: null,
      problem: null,
      diskFreeBytes: null,
      diskLow: false,
    };
  }
  return {
    id,
    // One that was just let in does not know yet.
    role: !voter && info.role === 'follower' ? 'learner' : info.role,
    voter,
    up,
    term: info.term,
    lastIndex: info.lastIndex,
    commitIndex: info.commitIndex,
    appliedIndex: info.appliedIndex,
    lag: info.appliedIndex === null ? null : Math.max(0, commitIndex - info.appliedIndex),
    api: info.api,
    pid: info.pid,
    natsPid: info.natsPid,
    version: info.version,
    uptimeMs: info.uptimeMs,
    sockets: info.sockets,
    stateHash: info.stateHash,
    stateHashIndex: info.stateHashIndex,
    verifiedAgoMs: info.verifiedAgoMs,
    problem: info.problem,
    diskFreeBytes: info.diskFreeBytes,
    diskLow: info.diskLow,
  };
}

/** The part of it that every client may see. */
export function assembleClusterView(
  self: {
    readonly name: NodeName;
    readonly clusterId: ClusterId | null;
    readonly registration: ClusterJson['registration'];
  },
  view: { readonly leader: NodeName | null; readonly term: number },
  sightings: readonly NodeSighting[],
): ClusterJson {
  const { leader, term } = leadership(view, sightings);
  return {
    clusterId: self.clusterId,
    node: self.name,
    leader,
    term,
    registration: self.registration,
    nodes: sightings.map(({ id, up, info }) => ({
      id,
      url: info?.api ?? null,
      up,
      load:
        up && info !== null
          ? {
              sockets: info.sockets ?? 0,
              messagesPerSecond: info.messagesPerSecond,
              eventLoopLagMs: info.eventLoopLagMs,
            }
          : null,
    })),
  };
}
