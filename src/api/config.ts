import { LIMITS } from '../protocol/limits.ts';

/** Bounds of one node's API. Every queue, page, rate and wait of `src/api` takes its size from here. */
export interface ApiLimits {
  /** Body of a request or one WebSocket frame. */
  readonly bodyBytesMax: number;
  readonly jsonDepthMax: number;
  /** How long a request may wait for a leader, or for this node to catch up with a cursor. */
  readonly requestDeadlineMs: number;
  /** How long a client may take to send a whole request, and its headers. */
  readonly requestReceiveMs: number;
  readonly headersReceiveMs: number;
  readonly keepAliveMs: number;
  /** Connections of this node, whatever they carry; further ones are closed as they come. */
  readonly connectionsMax: number;
  /** Without leader contact for this long, local reads are marked as stale. */
  readonly staleAfterMs: number;
  /** How long a node that does not know a session, account or device asks the cluster before it says so. */
  readonly askClusterMs: number;
  /** Without leader contact for this long, this node authenticates nobody anew. */
  readonly authenticateWithinMs: number;
  /** Requests of one logged-in account, from anywhere. */
  readonly perAccount: BucketRate;
  /** Requests from one address (IPv4) or one /64 (IPv6), logged in or not. */
  readonly perAddress: BucketRate;
  /**
   * Registering, logging in and asking for a device, from one address. Not per name: secrets are too long to guess,
   * so a limit by name would only let strangers lock somebody out.
   */
  readonly perAddressLogin: BucketRate;
  /** Accounts and addresses that are remembered; beyond it the longest unused one is forgotten. */
  /** Chunks of files that one logged-in account sends, and files that it begins to read. */
  readonly perAccountTransfer: BucketRate;
  /** The largest file, as its ciphertext. At most `BLOB_BYTES_MAX`. */
  readonly blobBytesMax: number;
  /** What all files of one account may take together. Checked in the log, so it holds cluster-wide. */
  readonly blobBytesPerAccountMax: number;
  /** Files that are being read from this node, in all and by one account. */
  readonly downloadsMax: number;
  readonly downloadsPerAccountMax: number;
  /** A reader of a file that takes nothing for so long is cut off; it goes on where it was. */
  readonly downloadIdleMs: number;
  readonly bucketsMax: number;
  /** Registrations of a password that one account begins through this node: each is as good as a guess at the old one. */
  readonly perAccountPassword: BucketRate;
  /** What one webhook says through this node. */
  readonly perHook: BucketRate;
  /** Presence and typing that one session says, over all of its sockets on this node. */
  readonly perSessionSignals: BucketRate;
  /** Presence and typing that happen within it go to the other nodes together. */
  readonly signalsGatherMs: number;
  /** Rooms with more listeners on this node hear nothing of typing here. */
  readonly typingListenersMax: number;
  /** How often a node says that it is there, and how long it may be silent before its people count as gone. */
  readonly presenceBeatMs: number;
  readonly presenceExpiryMs: number;
  /** An account whose last live feed ended is there for so long: whoever reconnects never was gone. */
  readonly presenceLingerMs: number;
  /** People who are watched by all sockets of this node, each counted for each socket. */
  readonly presenceWatchesMax: number;
  /** Refused logins within it go into the audit log together. */
  readonly refusedLoginsGatherMs: number;
  /** Live feeds of this node, of one address and of one account: WebSockets and server-sent events together. */
  readonly socketsMax: number;
  readonly socketsPerAddressMax: number;
  readonly socketsPerAccountMax: number;
  /** From the upgrade to `identify` or `resume`. */
  readonly identifyMs: number;
  readonly heartbeatMs: number;
  /** Sends of one socket that wait for the log; reading pauses there, and at twice as many it answers `overloaded`. */
  readonly inFlightSendsMax: number;
  /** Bytes that wait for one socket's reader; beyond it the reader is cut off as a slow consumer. */
  readonly socketQueueBytesMax: number;
  /** Events that wait for one socket while it reads what it missed; beyond it they are read again from the state. */
  readonly catchUpEventsMax: number;
  /** Events per page while catching up. */
  readonly catchUpPageEvents: number;
}

export interface BucketRate {
  readonly perSecond: number;
  readonly burst: number;
}

export const API_LIMITS: ApiLimits = {
  bodyBytesMax: LIMITS.frameBytesMax,
  jsonDepthMax: LIMITS.jsonDepthMax,
  requestDeadlineMs: LIMITS.requestDeadlineMs,
  requestReceiveMs: 30_000,
  headersReceiveMs: 10_000,
  keepAliveMs: 65_000,
  connectionsMax: 30_000,
  staleAfterMs: 1_000,
  askClusterMs: 2_000,
  authenticateWithinMs: 10_000,
  perAccount: { perSecond: 100, burst: 500 },
  perAddress: { perSecond: 500, burst: 2_000 },
  perAddressLogin: { perSecond: 5, burst: 200 },
  perAccountTransfer: { perSecond: 400, burst: 1_600 },
  blobBytesMax: 2 * 1024 * 1024 * 1024,
  blobBytesPerAccountMax: 20 * 1024 * 1024 * 1024,
  downloadsMax: 256,
  downloadsPerAccountMax: 16,
  downloadIdleMs: 60_000,
  bucketsMax: 50_000,
  perAccountPassword: { perSecond: 1 / 1_800, burst: 8 },
  perHook: { perSecond: 2, burst: 30 },
  perSessionSignals: { perSecond: 4, burst: 40 },
  signalsGatherMs: 100,
  typingListenersMax: 500,
  presenceBeatMs: 2_000,
  presenceExpiryMs: 10_000,
  presenceLingerMs: 5_000,
  presenceWatchesMax: 200_000,
  refusedLoginsGatherMs: 2_000,
  socketsMax: 20_000,
  socketsPerAddressMax: 2_000,
  socketsPerAccountMax: 64,
  identifyMs: 10_000,
  heartbeatMs: 15_000,
  inFlightSendsMax: 64,
  socketQueueBytesMax: 4 * 1024 * 1024,
  catchUpEventsMax: 1_000,
  catchUpPageEvents: 100,
};

export interface ApiConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** What clients are told to use for this node; null: the address it listens on. */
  readonly advertiseUrl: string | null;
  /** Further web origins that may talk to this node, e.g. that of a proxy. */
  readonly origins: readonly string[];
  /** Addresses or CIDR ranges whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  /** Permits plain HTTP on an address that others can reach. */
  readonly insecureHttp: boolean;
  /** Where the web app lies as it was built; null serves none. */
  readonly webFolder: string | null;
  readonly limits?: Partial<ApiLimits> | undefined;
}
