import type { RaftEvent } from '../../consensus/events.ts';
import type { LogIndex, PeerId, RaftRole, Term } from '../../consensus/types.ts';
import type { Status } from '../../consensus/status.ts';
import type { ClusterId, NodeName, StampMs } from '../../protocol/ids.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import type { Clock, LogStore, StateStore, Transport } from '../ports.ts';
import type { RaftSettings } from './raft-settings.ts';
import type { StateMachine } from './state-machine.ts';

/** What the composition root builds a Raft node from. The node owns none of it: whoever opened it closes it. */
export interface RaftPorts<Result, Event> {
  readonly clock: Clock;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly transport: Transport;
  readonly directory: MemberDirectory;
  readonly machine: StateMachine<Result, Event>;
  /** The time that a leader stamps entries with, as well as this node can tell. Default: its own clock. */
  readonly clusterMs?: (() => number) | undefined;
  /** Whether all voters are known to run with `reads: 'lease'`. Default: they are. */
  readonly leasesAreAgreed?: (() => boolean) | undefined;
  /** Random numbers in `[0, 1)` for the election jitter. */
  readonly random: () => number;
  /** Runs the callback once the input that is at hand has been taken in. Default: `setImmediate`. */
  readonly defer?: ((callback: () => void) => void) | undefined;
}

export interface RaftPeerConfig {
  readonly self: NodeName;
  /** This node's own id: a data directory belongs to one peer for ever, whatever the name comes to mean later. */
  readonly peer: PeerId;
  /** Marks this start of this node in the whole cluster: commands are found again by it. */
  readonly boot: number;
  readonly clusterId: ClusterId;
  /** The voters of a cluster that was just founded; afterwards the membership is part of the state. */
  readonly foundingVoters: readonly PeerId[];
  readonly settings?: Partial<RaftSettings> | undefined;
}

export interface AppliedBatch<Event> {
  readonly index: LogIndex;
  readonly term: Term;
  readonly stampMs: StampMs;
  readonly events: readonly Event[];
}

export interface LeaderView {
  readonly leader: NodeName | null;
  readonly term: Term;
  readonly role: RaftRole;
}

export interface RaftPeerEvents<Event> {
  /** A store failed or an invariant broke: the process must end. Called at most once. */
  readonly onFatal: (error: unknown) => void;
  /** Every applied entry that held commands, in order. */
  readonly onApplied?: (applied: AppliedBatch<Event>) => void;
  /** The state was replaced by a snapshot: the events of the entries it covers are never told here. */
  readonly onInstalled?: (index: LogIndex) => void;
  /** Who is in the cluster changed. */
  readonly onMembers?: () => void;
  readonly onLeaderChange?: (view: LeaderView) => void;
  /** A snapshot to or from another node came to nothing, and why. It is tried again. */
  readonly onSnapshotFailed?: (reason: string) => void;
  readonly onStall?: (lateMs: number) => void;
  readonly onRaftEvent?: (event: RaftEvent) => void;
}

export interface RaftPeerStatus extends Status {
  readonly leaderName: NodeName | null;
  /** What the state store holds, which may be ahead of what the core was told. */
  readonly stateIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly stampMs: StampMs;
  /** Commands of this node's clients without result yet. */
  readonly waiting: number;
  readonly installing: boolean;
  /** Why a damaged node is not whole yet; null when it is, or nothing is known to stand in the way. */
  readonly repairOutlook: string | null;
}
