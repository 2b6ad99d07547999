/** Every duration and bound of the driver. Defaults suit nodes that are a millisecond or so apart. */
export interface RaftSettings {
  /** Length of one tick of the core. */
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  /** A follower stands for election after `[n, 2n)` ticks without a leader. */
  readonly electionTicks: number;
  /** A tick that comes later than this was held up by the process, not by the cluster. */
  readonly stallMs: number;
  /**
   * How linearizable reads are confirmed: by a round of heartbeats to a majority, or from the leader's lease, which
   * excludes failover by hints. The same on all nodes.
   */
  readonly reads: 'quorum' | 'lease';
  /** How many rounds of `ready` one turn of the event loop may handle. */
  readonly readyRoundsPerTurnMax: number;

  /** Commands are packed into entries of about this size; a single larger command is an entry of its own. */
  readonly batchBytesPreferred: number;
  readonly batchItemsMax: number;
  /** Entries that may be proposed for one disk write. */
  readonly batchesPerWriteMax: number;
  readonly commandBytesMax: number;
  /** Commands of this node's own clients that wait for their result. */
  readonly waitingBytesMax: number;
  readonly waitingItemsMax: number;
  /** Commands, own and forwarded, that wait on the leader to be proposed. */
  readonly proposalBytesMax: number;
  readonly proposalItemsMax: number;
  readonly forwardFrameBytesMax: number;
  /** A forwarded command without result is sent again after this time, doubled up to the maximum. */
  readonly forwardRetryMs: number;
  readonly forwardRetryMsMax: number;

  readonly messageBytesMax: number;
  readonly uncommittedBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly unappliedBytesMax: number;
  /** Commands applied before the event loop gets its turn. */
  readonly applyItemsPerSlice: number;

  /** Reads wait for at most this many rounds at once; further ones share the next. */
  readonly readRoundsMax: number;
  readonly readRetryMs: number;
  readonly waitersMax: number;

  readonly snapshotChunkBytesMax: number;
  /** Pieces of one snapshot that may be under way at once. */
  readonly snapshotWindowPieces: number;
  /** A piece of a snapshot that does not come within this time is asked for again. */
  readonly snapshotRetryMs: number;
  readonly snapshotRetriesMax: number;
  /** A snapshot that nobody asks for any more is closed after this time. */
  readonly snapshotIdleMs: number;
  readonly snapshotSessionsMax: number;
  /** As long as a snapshot is streamed, the log behind it is kept up to this size. */
  readonly snapshotPinBytesMax: number;
  /** After a snapshot that failed the next one waits this long, doubled with every failure up to the maximum. */
  readonly snapshotPauseMs: number;
  readonly snapshotPauseMsMax: number;

  /** How much of a damaged log is fetched from other nodes without a leader. */
  readonly restoreBytesMax: number;

  readonly compactCheckMs: number;
  /** The log is compacted when it holds more applied entries, or more bytes of them, than this. */
  readonly compactEntries: number;
  readonly compactBytes: number;
  /**
   * Applied entries that are older than this go in any case, looked for so often: a deleted message has left the log
   * within both together. A minute's writes, at most, are kept a little longer with the newest of them.
   */
  readonly compactAgeMs: number;
  readonly compactAgeCheckMs: number;
  /** What stays behind for followers that are a little late. */
  readonly tailEntries: number;
  readonly tailBytes: number;

  /** A leader whose write has been stuck for this long hands over to a peer whose disk works. */
  readonly diskStallMs: number;

  /** How long a graceful stop tries to hand leadership over. */
  readonly transferMs: number;
  /** How long a graceful stop waits for the results of commands it has taken. */
  readonly drainMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_RAFT_SETTINGS: RaftSettings = {
  tickMs: 25,
  heartbeatTicks: 2,
  electionTicks: 20,
  stallMs: 100,
  reads: 'quorum',
  readyRoundsPerTurnMax: 16,

  batchBytesPreferred: 64 * KIB,
  batchItemsMax: 1024,
  batchesPerWriteMax: 4,
  commandBytesMax: 256 * KIB,
  waitingBytesMax: 32 * MIB,
  waitingItemsMax: 16_384,
  proposalBytesMax: 64 * MIB,
  proposalItemsMax: 65_536,
  forwardFrameBytesMax: 256 * KIB,
  forwardRetryMs: 500,
  forwardRetryMsMax: 4_000,

  messageBytesMax: 256 * KIB,
  uncommittedBytesMax: 8 * MIB,
  inflightMessagesMax: 64,
  inflightBytesMax: 4 * MIB,
  unappliedBytesMax: 4 * MIB,
  applyItemsPerSlice: 256,

  readRoundsMax: 4,
  readRetryMs: 200,
  waitersMax: 65_536,

  snapshotChunkBytesMax: 63 * KIB,
  snapshotWindowPieces: 16,
  snapshotRetryMs: 300,
  snapshotRetriesMax: 20,
  snapshotIdleMs: 5_000,
  snapshotSessionsMax: 4,
  snapshotPinBytesMax: 256 * MIB,
  snapshotPauseMs: 200,
  snapshotPauseMsMax: 30_000,

  restoreBytesMax: 128 * MIB,

  compactCheckMs: 1_000,
  compactEntries: 20_000,
  compactBytes: 64 * MIB,
  compactAgeMs: 12 * 3_600_000,
  compactAgeCheckMs: 3_600_000,
  tailEntries: 5_000,
  tailBytes: 16 * MIB,

  diskStallMs: 1_500,

  transferMs: 1_500,
  drainMs: 3_000,
};
