import type { NodeMeasures } from '../../node/ports.ts';
import { flag, seconds } from './rows.ts';
import type { Row } from './rows.ts';

const ROLES = ['leader', 'follower', 'candidate', 'precandidate', 'learner', 'repairing'] as const;

/** Raft, disk and transport. docs/METRICS.md says how to read them. */
export const NODE_ROWS: readonly Row<NodeMeasures>[] = [
  {
    name: 'parley_raft_role',
    kind: 'gauge',
    help: '1 for the role that the node has, 0 for the others.',
    label: 'role',
    read: ({ role }) => ROLES.map((one) => [one, flag(one === role)]),
  },
  {
    name: 'parley_raft_term',
    kind: 'gauge',
    help: 'Raft term.',
    read: ({ raft }) => raft?.term ?? null,
  },
  {
    name: 'parley_raft_commit_index',
    kind: 'gauge',
    help: 'Last entry of the log that is known to be committed.',
    read: ({ raft }) => raft?.commitIndex ?? null,
  },
  {
    name: 'parley_raft_applied_index',
    kind: 'gauge',
    help: 'Last entry of the log that the state contains.',
    read: ({ raft }) => raft?.appliedIndex ?? null,
  },
  {
    name: 'parley_raft_first_index',
    kind: 'gauge',
    help: 'First entry that the log still holds.',
    read: ({ raft }) => raft?.firstIndex ?? null,
  },
  {
    name: 'parley_raft_last_index',
    kind: 'gauge',
    help: 'Last entry that the log holds.',
    read: ({ raft }) => raft?.lastIndex ?? null,
  },
  {
    name: 'parley_raft_apply_lag_entries',
    kind: 'gauge',
    help: 'Entries that are committed and not applied here yet.',
    read: ({ raft }) => (raft === null ? null : Math.max(0, raft.commitIndex - raft.appliedIndex)),
  },
  {
    name: 'parley_raft_follower_lag_entries',
    kind: 'gauge',
    help: 'Entries that a follower has not acknowledged yet; on the leader only.',
    label: 'node',
    read: ({ raft }) => (raft?.followers ?? []).map(({ node, behind }) => [node, behind]),
  },
  { name: 'parley_raft_voters', kind: 'gauge', help: 'Voters of the cluster.', read: ({ voters }) => voters },
  {
    name: 'parley_raft_leaderless_seconds',
    kind: 'gauge',
    help: 'Time since the node last knew a leader; 0 while it knows one, none before the first.',
    read: ({ leaderlessMs }) => (Number.isFinite(leaderlessMs) ? seconds(leaderlessMs) : null),
  },
  {
    name: 'parley_raft_leader_changes_total',
    kind: 'counter',
    help: 'Changes of leader, term or own role that the node has seen.',
    read: ({ leaderChanges }) => leaderChanges,
  },
  {
    name: 'parley_raft_elections_total',
    kind: 'counter',
    help: 'Elections that the node has stood for.',
    label: 'kind',
    read: ({ campaigns }) => Object.entries(campaigns),
  },
  {
    name: 'parley_raft_snapshots_total',
    kind: 'counter',
    help: 'Snapshots that were begun to be sent, were installed, or failed.',
    label: 'outcome',
    read: ({ snapshots }) => Object.entries(snapshots),
  },
  {
    name: 'parley_raft_proposals_total',
    kind: 'counter',
    help: 'Commands of the node’s clients: applied, or the error code of what kept them from the log.',
    label: 'outcome',
    read: ({ commands }) => [...commands],
  },
  {
    name: 'parley_log_size_bytes',
    kind: 'gauge',
    help: 'Files of the log.',
    read: ({ disk }) => disk.logBytes,
  },
  {
    name: 'parley_state_size_bytes',
    kind: 'gauge',
    help: 'Files of the state, one that is being received among them.',
    read: ({ disk }) => disk.stateBytes,
  },
  {
    name: 'parley_disk_free_bytes',
    kind: 'gauge',
    help: 'Room on the disk of the data directory.',
    read: ({ disk }) => disk.freeBytes,
  },
  {
    name: 'parley_disk_low',
    kind: 'gauge',
    help: '1 while the node takes no commands because its disk is nearly full.',
    read: ({ disk }) => flag(disk.isLow),
  },
  {
    name: 'parley_store_damaged',
    kind: 'gauge',
    help: '1 for a node that is damaged beyond what other nodes can mend.',
    read: ({ disk }) => flag(disk.isDamaged),
  },
  {
    name: 'parley_store_verified_age_seconds',
    kind: 'gauge',
    help: 'Time since all data on disk was last found to be sound.',
    read: ({ disk }) => (disk.verifiedAgoMs === null ? null : seconds(disk.verifiedAgoMs)),
  },
  {
    name: 'parley_transport_connected',
    kind: 'gauge',
    help: '1 while the node is connected to its NATS server.',
    read: ({ transport }) => flag(transport.isConnected),
  },
  {
    name: 'parley_transport_frames_total',
    kind: 'counter',
    help: 'Frames between nodes, fragments one by one; received ones are genuine.',
    label: 'direction',
    read: ({ transport }) => [
      ['sent', transport.framesSent],
      ['received', transport.framesReceived],
    ],
  },
  {
    name: 'parley_transport_bytes_total',
    kind: 'counter',
    help: 'Bytes of these frames.',
    label: 'direction',
    read: ({ transport }) => [
      ['sent', transport.bytesSent],
      ['received', transport.bytesReceived],
    ],
  },
  {
    name: 'parley_transport_rejected_total',
    kind: 'counter',
    help: 'Frames that were received and not believed, by reason.',
    label: 'reason',
    read: ({ transport }) => Object.entries(transport.dropped),
  },
  {
    name: 'parley_transport_not_sent_total',
    kind: 'counter',
    help: 'Frames that could not be sent, by reason.',
    label: 'reason',
    read: ({ transport }) => Object.entries(transport.notSent),
  },
  {
    name: 'parley_transport_death_signs_total',
    kind: 'counter',
    help: 'Times that the leader’s process was taken to be gone.',
    read: ({ transport }) => transport.hints,
  },
  {
    name: 'parley_event_loop_lag_seconds',
    kind: 'gauge',
    help: 'How late timers fire: 99th percentile of about the last half second.',
    read: ({ eventLoopLagMs }) => seconds(eventLoopLagMs),
  },
];
