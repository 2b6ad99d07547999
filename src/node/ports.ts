import type { ConfState, Entry, HardState, LogIndex, PeerId, SnapshotMetadata, Term } from '../consensus/types.ts';
import type { CampaignKind } from '../consensus/events.ts';
import type { LogStorage } from '../consensus/log-storage.ts';
import type { Message } from '../consensus/message.ts';
import type { RepairGoal } from '../consensus/repair.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import type { Promises } from './rollback/promises.ts';
import type { StateReader, StateView } from '../chat/ports.ts';
import type { CommandKind, CommandOf, CommandResult, KeyCause } from '../protocol/commands.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { DiagnosisJson } from '../protocol/http/diagnosis.ts';
import type { ClusterJson, CompactJson, DiskKeysJson, StateHashesJson, StatusJson } from '../protocol/http/schemas.ts';
import type { BlobId, ClusterId, NodeName, StampMs } from '../protocol/ids.ts';

/**
 * The seams of a node. Each port has a real implementation and one for the simulator; the same contract suite runs
 * against both. Callbacks instead of promises where the simulator must decide when things happen.
 */

/** Called once, and only when the write is on disk. A failed write never calls back: it is fatal. */
export type Done = () => void;

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  wallMs(): number;
  /** Never goes back. */
  monotonicMs(): number;
  /** Calls once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

// ---------------------------------------------------------------- log

export interface LogWrite {
  readonly hardState?: HardState | undefined;
  /** Replace the log from the first entry's index on. */
  readonly entries: readonly Entry[];
  /** Set when a snapshot was installed: the log restarts after it. */
  readonly snapshot?: { readonly metadata: SnapshotMetadata; readonly chainHash: Uint8Array } | undefined;
}

/** What is known of the entries that a damaged log has lost. */
export interface LostEntries {
  /** Chain hash of the last entry that this node ever acknowledged (`repair.entry`). */
  readonly hash: Uint8Array;
  /** The chain hash of an entry that comes after the one with hash `before`. */
  chain(before: Uint8Array, entry: Entry): Uint8Array;
  /** What could be saved of those that follow the entry with this chain hash: the best guess, where there is a choice. */
  following(hash: Uint8Array): readonly Entry[];
}

/**
 * The Raft log of one node. Reads (`LogStorage`) see every write that was accepted, durable or not, because the core
 * asks only for what it was told is stored. At most one disk write runs; what is accepted meanwhile goes into the
 * next one (group commit).
 */
export interface LogStore extends LogStorage {
  /** Accepts a write; `done` when it is durable. Writes become durable in the order they were accepted. */
  append(write: LogWrite, done: Done): void;
  /** Drops entries up to and including `index`, which the state store must hold durably. */
  compact(index: LogIndex): void;
  /** Rewrites the files in which dropped entries may still stand. Records hold entries of one disk write together. */
  eraseCompacted(): Promise<void>;
  /** Hash chained over all entries up to `index`. Known for `firstIndex() - 1 ≤ index ≤ lastIndex()`. */
  chainHash(index: LogIndex): Uint8Array;
  /** What is durable of what this peer has promised; the entry is the last one, also where a damaged log lacks it. */
  promised(): Promises;
  /** What the log has lost to damage and not reached again; undefined for a log that is whole. */
  readonly repair?: RepairGoal | undefined;
  /** What other nodes may be asked for, along with `repair`. */
  readonly lost?: LostEntries | undefined;
  /** Where the next snapshot for a follower comes from; set by the composition root. */
  setSnapshotSource(source: () => SnapshotMetadata | undefined): void;
  /** Waits for accepted writes, then closes. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------- state

export interface StateTransaction extends StateView {
  /** Makes the changes visible and hands them to the (unsynced) write queue, with the index they contain. */
  commit(position: AppliedPosition): void;
}

export interface AppliedPosition {
  readonly index: LogIndex;
  readonly term: Term;
  readonly stampMs: StampMs;
  /** Set when the entry changed the membership. */
  readonly confState?: ConfState | undefined;
}

export interface StateStore extends StateReader {
  readonly appliedIndex: LogIndex;
  readonly appliedTerm: Term;
  readonly lastStampMs: StampMs;
  readonly confState: ConfState;
  /** What survives a power cut; the log may be compacted up to here. */
  readonly durableIndex: LogIndex;
  /**
   * Header of the snapshot this state began with, kept beside the rows; undefined when it began empty. After a crash
   * between `StateInstall.finish` and the log's own write, the log is restarted from it.
   */
  readonly installedFrom: StateSnapshotHeader | undefined;
  begin(): StateTransaction;
  /** Multiset hash over all rows at the applied index, hex. */
  hash(): { readonly index: LogIndex; readonly hash: string };
  /** Makes all that is applied durable. */
  sync(): Promise<void>;
  /** A consistent view of all rows at the applied index, to be streamed to a follower. */
  openSnapshot(): StateSnapshot;
  /** Receives such a stream beside the live state; nothing changes before `finish`. @throws ParleyError `disk_full` */
  beginInstall(header: StateSnapshotHeader): Promise<StateInstall>;
  close(): Promise<void>;
}

export interface StateSnapshotHeader {
  readonly format: 1;
  readonly clusterId: ClusterId;
  readonly metadata: SnapshotMetadata;
  readonly chainHash: Uint8Array;
  readonly stampMs: StampMs;
  readonly stateHash: string;
}

export interface StateSnapshot {
  /** Without `chainHash` and `clusterId`, which the state store does not know. */
  readonly header: Omit<StateSnapshotHeader, 'chainHash' | 'clusterId'>;
  /** The rows that come next, in key order, as far as they go into `room`: that part of it, or undefined at the end. */
  nextChunk(room: Uint8Array): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

export interface StateInstall {
  /**
   * One at a time; afterwards the chunk's memory may be used for something else.
   * @throws ParleyError `damaged` for what can be no part of a snapshot, `disk_full`; then it can only be aborted
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Checks what was written as `finish` does, without a consequence. @throws ParleyError `damaged` */
  check?(): void;
  /** Checks the hash, then switches atomically. @throws ParleyError `damaged` when it does not match. */
  finish(): Promise<void>;
  abort(): Promise<void>;
}

// ---------------------------------------------------------------- transport

/** What travels between nodes beside Raft's own messages. Payloads are opaque to the transport. */
export type FrameKind =
  /** Commands for the leader, from the node that took them. */
  | 'forward'
  /** The leader's refusal of a forwarded command. */
  | 'forward-refused'
  /** Asks for, and brings, pieces of a snapshot. */
  | 'snapshot-request'
  | 'snapshot-chunk'
  /** Asks for, and brings, what a damaged node has lost. */
  | 'repair-request'
  | 'repair-answer'
  /** Who I am: cluster, boot, format; founding and contact go through it. */
  | 'hello'
  /** Load, addresses and status, ephemeral. */
  | 'node-info'
  /** Pieces of files, and who has which. */
  | 'blob'
  /** What is true for a moment only: presence, typing. */
  | 'signal'
  /** Asks for, and brings, the key of the ring. */
  | 'ring';

export interface Frame {
  readonly from: NodeName;
  /** Boot id of the sender; a restarted node has a new one. */
  readonly boot: number;
  /** Whose keys it was sealed with; null where frames are not sealed. */
  readonly identity: PublicIdentity | null;
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

/**
 * Carries frames between nodes: at most once, maybe reordered, never altered, never from a stranger. Sending never
 * blocks and never fails loudly; whoever needs an answer asks again.
 */
export interface Transport {
  /** Identical messages to several peers leave as one frame. */
  sendRaft(messages: readonly Message[]): void;
  onRaft(handler: (message: Message, from: NodeName) => void): void;
  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void;
  broadcast(kind: FrameKind, payload: Uint8Array): void;
  onFrame(handler: (frame: Frame) => void): void;
  /** Which node to watch closely for signs of death; null for none. */
  watch(node: NodeName | null): void;
  /** Another node holds the watched one for dead: then one sign of one's own is enough. */
  suspect(node: NodeName): void;
  /** There are signs that the watched node's process is gone; told again from time to time as long as they last. */
  onHint(handler: (node: NodeName) => void): void;
  /** Another process of a node is heard of for the first time: told before anything that it says. */
  onRestart(handler: (node: NodeName) => void): void;
  close(): Promise<void>;
}

/** What a transport did since its start; fragments count one by one. */
export interface TransportCounts {
  readonly framesSent: number;
  readonly bytesSent: number;
  /** Genuine ones. */
  readonly framesReceived: number;
  readonly bytesReceived: number;
  /** Times that the watched node was taken to be gone. */
  readonly hints: number;
  /** By reason. */
  readonly notSent: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

/** The transport of a node, which may have to find its cluster first. */
export interface NodeTransport extends Transport {
  /** From now on all but greetings and hellos is said, and heard, within this cluster only. */
  bindTo(cluster: ClusterId): void;
  /** To the NATS server. */
  readonly isConnected: boolean;
  readonly counters: TransportCounts;
  /** Another process that lives at the same time speaks as this very node. */
  onNamesake(handler: (boot: number) => void): void;
}

/** Peer ids of the core and the names people use. */
export interface PeerDirectory {
  nameOf(peer: PeerId): NodeName | undefined;
  peerOf(name: NodeName): PeerId | undefined;
  /** The keys of the newest incarnation of that name; null where they are not known. */
  identityOf(name: NodeName): PublicIdentity | null;
}

// ---------------------------------------------------------------- what src/api sees

export interface AppliedEvents {
  readonly index: number;
  readonly stampMs: StampMs;
  readonly events: readonly PlacedEvent[];
}

export interface BlobProgress {
  readonly chunks: number;
  /** First and last of consecutive chunks that this node has not got, ascending; of very many the first ones. */
  readonly missing: readonly (readonly [first: number, last: number])[];
}

/** The bytes of files on this node and, through it, on the others. What rows the state has of them is not its concern. */
export interface BlobPort {
  /** @throws ParleyError `disk_low` when this node has no room for what it lacks of a blob that is not stored yet */
  ensureRoom(blob: BlobId, sizeBytes: number): Promise<void>;
  /**
   * Makes a place for a blob that the state knows.
   * @param hashes the SHA-256 of each chunk
   * @throws ParleyError `blob_mismatch` unless the id is that of this list
   */
  open(blob: BlobId, sizeBytes: number, hashes: Uint8Array): Promise<BlobProgress>;
  /** @throws ParleyError `no_such_blob`, `invalid_field`, `blob_mismatch`; `disk_low`: nothing of it is kept here then */
  put(blob: BlobId, chunk: number, bytes: Uint8Array): Promise<void>;
  /**
   * Resolves once a majority of the voters have all of it on their disks.
   * @throws ParleyError `blob_incomplete` with `missing`, `deadline_exceeded`
   */
  replicate(blob: BlobId, deadlineMs: number): Promise<void>;
  /**
   * Its bytes from `from` up to `to`, in pieces, each of them checked; from other nodes where this one lacks them.
   * @throws ParleyError `blob_unavailable`
   */
  read(blob: BlobId, from: number, to: number): AsyncGenerator<Uint8Array>;
}

export type Signal = Pick<Frame, 'from' | 'boot' | 'payload'>;

/**
 * What nodes tell each other that never enters the log, and may be lost. Authentic and sealed like all that goes
 * between nodes; at most once, maybe reordered.
 */
export interface SignalPort {
  /** To all other nodes of the cluster. */
  broadcast(payload: Uint8Array): void;
  send(to: NodeName, payload: Uint8Array): void;
  /** Returns the function that stops it. */
  onSignal(handler: (signal: Signal) => void): () => void;
}

/** A node in numbers. Counts are since its process started. */
export interface NodeMeasures {
  readonly role: NonNullable<StatusJson['nodes'][number]['role']> | null;
  /** Null before the node takes part. */
  readonly raft: {
    readonly term: number;
    readonly commitIndex: number;
    readonly appliedIndex: number;
    readonly firstIndex: number;
    readonly lastIndex: number;
    /** Commands of this node's clients without result yet. */
    readonly commandsWaiting: number;
    /** As the leader knows them, in entries; empty on all other nodes. */
    readonly followers: readonly { readonly node: NodeName; readonly behind: number }[];
  } | null;
  readonly leaderlessMs: number;
  readonly voters: number;
  readonly campaigns: Readonly<Record<CampaignKind, number>>;
  readonly leaderChanges: number;
  readonly snapshots: { readonly sent: number; readonly installed: number; readonly failed: number };
  /** Commands of this node's clients, by what became of them. */
  readonly commands: ReadonlyMap<'applied' | ErrorCode, number>;
  readonly disk: {
    readonly logBytes: number;
    readonly stateBytes: number;
    /** Null before it was first looked at. */
    readonly freeBytes: number | null;
    readonly isLow: boolean;
    /** Beyond what other nodes can mend. */
    readonly isDamaged: boolean;
    readonly verifiedAgoMs: number | null;
  };
  readonly transport: TransportCounts & { readonly isConnected: boolean };
  readonly eventLoopLagMs: number;
}

/** Which key the nodes share. Null before the first. */
export interface KeyRingView {
  readonly epoch: number | null;
  readonly cause: KeyCause | null;
  readonly since: StampMs | null;
  readonly ageMs: number | null;
  readonly nextInMs: number | null;
  /** What each node last said that it holds. */
  readonly nodes: readonly { readonly id: NodeName; readonly up: boolean; readonly epoch: number | null }[];
}

/** What an operator may ask for a node: how it comes to take part, and how it ceases to. */
export type MemberVerb = 'add' | 'promote' | 'remove' | 'replace';

/** What only the nodes may read, wherever it is kept: any of them opens what any of them sealed. */
export interface NodeSeal {
  /** The same for the same bytes. @param context what it is, and whose; opening takes the same */
  seal(context: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @returns null for anything that the nodes did not seal for this context */
  open(context: Uint8Array, sealed: Uint8Array): Uint8Array | null;
}

export interface ChatNode {
  readonly name: NodeName;
  readonly version: string;
  /** Null until the cluster is founded. */
  readonly clusterId: ClusterId | null;
  readonly registration: 'open' | 'invite' | 'closed';
  /**
   * Through the log, wherever the leader is; resolves once applied on this node.
   * @throws ParleyError `no_leader`, `deadline_exceeded`, `overloaded`, `shutting_down`
   */
  submit<K extends CommandKind>(command: CommandOf<K>, deadlineMs: number): Promise<CommandResult<K>>;
  readonly reader: StateReader;
  /** The newest leader stamp applied here; time as the log tells it. */
  readonly stampMs: StampMs;
  /** Linearizable read: resolves when this node has applied all that was committed when it was called. */
  readBarrier(deadlineMs: number): Promise<void>;
  /** @throws ParleyError `behind` when the index is not applied before the deadline */
  waitForIndex(index: number, deadlineMs: number): Promise<void>;
  /** Every applied entry that has events, in order. Returns the function that stops it. */
  onApplied(listener: (applied: AppliedEvents) => void): () => void;
  /** The state was replaced by a snapshot: events were skipped, so live feeds must be taken up again by cursor. */
  onReplaced(listener: () => void): () => void;
  /** Milliseconds since this node last knew a leader; 0 while it knows one. */
  leaderlessMs(): number;
  /** Leader, term and commit index as this node knows them. */
  raftView(): { readonly leader: NodeName | null; readonly term: number; readonly commitIndex: number };
  /** Advertised URLs of all current nodes, for origin checks and fail-over. */
  clusterView(): ClusterJson;
  /** Asks all nodes; those that do not answer soon are reported down. */
  status(): Promise<StatusJson>;
  /**
   * Lets a node in or out.
   * @throws ParleyError `not_leader` with `leader` and `url` in its data, or why it is refused
   */
  changeMembers(verb: MemberVerb, name: NodeName): Promise<void>;
  /** The key that nodes share, as far as this node knows. */
  keyRing(): KeyRingView;
  /**
   * Lets the nodes go over to a new key.
   * @throws ParleyError `not_leader` with `leader` and `url` in its data
   */
  rotateKeys(): Promise<void>;
  /**
   * @param to null: whichever voter is furthest
   * @returns who leads now
   */
  transferLeadership(to: NodeName | null): Promise<NodeName>;
  /** State hashes of this node, to be compared with other nodes'; with `rows`, also computed from what is on disk. */
  stateHashes(rows: boolean): Promise<StateHashesJson>;
  /** What this node alone can say about itself and the cluster; asks nobody. */
  diagnosis(): DiagnosisJson;
  /** This node in numbers, as of now. */
  measures(): Promise<NodeMeasures>;
  /** Puts the state on disk and drops from the log what it covers, but for the tail that followers may need. */
  compact(): Promise<CompactJson>;
  /** Under what the disk of this node is sealed. @throws ParleyError `damaged` */
  diskKeys(): DiskKeysJson;
  /** Resolves once what is written is sealed under new data keys; the rest follows. @throws ParleyError `damaged` */
  rotateDiskKeys(): Promise<DiskKeysJson>;
  readiness(): { readonly ready: true } | { readonly ready: false; readonly reason: string };
  /** 32 bytes shared by all nodes, for authenticating stateless challenges. */
  readonly challengeKey: Uint8Array;
  readonly seal: NodeSeal;
  /** Whether this is the local admin token of any node of the cluster. Constant time. */
  isAdminToken(token: string): boolean;
  /** @throws ParleyError `no_leader` before this node takes part, `damaged`, `shutting_down` */
  readonly blobs: BlobPort;
  readonly signals: SignalPort;
  /** Set by the gateway so that status and load can tell. */
  setLoadSource(source: () => { readonly sockets: number; readonly messagesPerSecond: number }): void;
}
