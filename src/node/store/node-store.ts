import type { HardState, LogIndex, PeerId, Term } from '../../consensus/types.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import type { LogStore, StateStore } from '../ports.ts';
import type { RowSeal, SealedPart } from '../at-rest/row-seal.ts';
import type { WrappingKey } from '../at-rest/wrapping-key.ts';
import type { Lineage } from '../rollback/lineage.ts';
import type { Sighting } from '../rollback/witness.ts';

/**
 * What `openNodeStore` hands out: everything a node keeps on disk, behind one lock. A log or state that cannot be
 * trusted is set aside, and what is left is opened for its peers to complete, as long as identity, hard state and mark
 * are sound. Otherwise it is a `DamagedStore`: the node stays up and says why, but nothing can be written and nothing
 * in it is changed.
 */
export type OpenedStore = IntactStore | DamagedStore;

/** The few methods of a logger that the store uses; pino's `Logger` fits. */
export interface StoreLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface FoundingPeer {
  readonly name: NodeName;
  readonly peerId: PeerId;
  /** Null before the others have told it, and where frames are not sealed. */
  readonly identity: PublicIdentity | null;
}

/** Which cluster is being founded, and by whom (rule 9). Peers are sorted by name. */
export interface Founding {
  readonly clusterId: ClusterId;
  readonly peers: readonly FoundingPeer[];
}

/** Who this directory belongs to. Written once, when the node becomes a member of its cluster. */
export interface Manifest extends Founding {
  readonly formatVersion: number;
  readonly nodeName: NodeName;
  readonly peerId: PeerId;
}

export interface StoreIdentity {
  readonly dir: string;
  /** Strictly greater at every start; unique per start of this directory. */
  readonly bootId: number;
  /** Undefined until `join()`. */
  readonly manifest: Manifest | undefined;
  /** What `recordFounding` wrote, and the manifest's own founding afterwards. */
  readonly founding: Founding | undefined;
  /** Seals what else the node keeps in the directory; undefined where the keys are lost. */
  readonly seals: { of(part: SealedPart): RowSeal } | undefined;
  /** Waits for accepted writes, closes the databases and gives the lock back. */
  close(): Promise<void>;
}

/** What a node keeps on disk so that an old copy of a directory can be told from the one that was in use (rule 5). */
export interface StoreHistory {
  readonly lineage: Lineage;
  /** Why this directory may not be used any more. Once set it stays. */
  readonly refusal: string | undefined;
  /** Another node knows of this start. */
  confirm(): Promise<void>;
  refuse(reason: string): Promise<void>;
  /** How far the other peers were seen, as of when the store was opened. */
  readonly sightings: readonly Sighting[];
  /** Replaces them. One call at a time. */
  saveSightings(sightings: readonly Sighting[]): Promise<void>;
}

export interface StoreKeys {
  readonly status: {
    readonly generation: number;
    readonly ageMs: number;
    readonly sealedRows: number;
    readonly retiring: readonly number[];
    readonly resealing: SealedPart | null;
    readonly wrappedBy: string;
  };
  /** Resolves once what is written is sealed under new keys. */
  rotate(): Promise<void>;
  /** How a part that others keep in the directory is sealed anew. */
  attach(part: SealedPart, reseal: (before: number) => Promise<void>): void;
}

export interface IntactStore extends StoreIdentity {
  readonly kind: 'intact';
  readonly seals: { of(part: SealedPart): RowSeal };
  /** The keys of all that is sealed here, and how they are replaced. */
  readonly keys: StoreKeys;
  readonly history: StoreHistory;
  /** Why the node has to be repaired by its peers; undefined for a store that has all that it ever had. */
  readonly repair: StoreDamage | undefined;
  /** May be written to only after `join()`. */
  readonly log: LogStore;
  readonly state: StateStore;
  /** Looks for damage while the node serves, once it is started. */
  readonly scrubber: {
    start(): void;
    /** Milliseconds since all of it was last found to be sound; null before that. */
    readonly verifiedAgoMs: number | null;
  };
  /**
   * Persists a founding record, which still counts as empty for its cluster id. The same one again changes nothing.
   * @throws ParleyError `wrong_cluster` when another one, or a manifest of another cluster, is there already
   */
  recordFounding(founding: Founding): Promise<void>;
  /** Makes the founding record the manifest. From then on the node may vote, and never is empty again. */
  join(): Promise<Manifest>;
  /** Writes the manifest of a node that an existing cluster has let in as `peer`. */
  enter(founding: Founding, peer: PeerId): Promise<Manifest>;
}

export type DamagedPart = 'manifest' | 'keys' | 'log' | 'state' | 'mark';

export interface StoreDamage {
  readonly part: DamagedPart;
  /** File or folder, relative to the data directory. */
  readonly where: string;
  /** One sentence for people. */
  readonly reason: string;
}

export interface DamagedStore extends StoreIdentity {
  readonly kind: 'damaged';
  readonly damage: StoreDamage;
  /** The newest intact copies beside the database, where there are any. */
  readonly hardState: HardState | undefined;
  readonly mark: Mark | undefined;
}

/** How far the log was once known to be durable: a log that does not reach it has lost acknowledged entries. */
export interface Mark {
  /** Term in which this node acknowledged up to `index`. */
  readonly ackTerm: Term;
  readonly index: LogIndex;
  /** Term of the entry at `index`. */
  readonly term: Term;
  /** Chain hash at `index`. */
  readonly hash: Uint8Array;
}

export interface NodeStoreOptions {
  readonly dir: string;
  readonly nodeName: NodeName;
  /** Wraps the keys under which all of it is sealed. */
  readonly wrappingKey: WrappingKey;
  readonly logger: StoreLogger;
  /**
   * A write or sync failed: nothing that was not called `done` may be believed, and the process has to end, with
   * the error's message as reason. Called at most once.
   */
  readonly onFatal: (error: Error) => void;
  /** Told how long each write of the log took, until it was on disk. */
  readonly onLogWritten?: ((durationMs: number) => void) | undefined;
  readonly limits?: Partial<StoreLimits>;
}

export interface StoreLimits {
  /** Newest entries that are kept in memory for the core and for followers. */
  readonly logCacheBytesMax: number;
  /** One packed record of the log. */
  readonly recordBytesMax: number;
  /** Rows of the state that are kept in memory. */
  readonly stateCacheBytesMax: number;
  /** How long a mark may be behind the log on disk. */
  readonly markSyncIntervalMs: number;
  /** Memtable and write-ahead file of each of the two databases. */
  readonly writeBufferBytes: number;
  /** States whose tables are larger are verified in the background instead of when they are opened. */
  readonly verifyBytesAtOpenMax: number;
  /** Within this time all that is on disk is read once, in search of damage; 0: never. */
  readonly scrubIntervalMs: number;
}

export const STORE_LIMITS: StoreLimits = {
  logCacheBytesMax: 16 * 1024 * 1024,
  recordBytesMax: 256 * 1024,
  stateCacheBytesMax: 32 * 1024 * 1024,
  markSyncIntervalMs: 100,
  writeBufferBytes: 8 * 1024 * 1024,
  verifyBytesAtOpenMax: 32 * 1024 * 1024,
  scrubIntervalMs: 24 * 3600 * 1000,
};
