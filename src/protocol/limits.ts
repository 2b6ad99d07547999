/** Bounds that clients and nodes share. Units are the last word of each name. */
export const LIMITS = {
  envelopeBytesMax: 64 * 1024,
  /** A WebSocket frame or HTTP body: a base64url envelope and its frame around it. */
  frameBytesMax: 128 * 1024,
  jsonDepthMax: 16,
  /** Files that one message may refer to. */
  blobsPerMessageMax: 8,
  /** How long a file is kept that no message refers to, from when it was begun or was completely stored. */
  blobUnreferencedTtlMs: 24 * 3_600_000,
  /** The least that a file counts against its account's room, however small it is. */
  blobChargeBytesMin: 4 * 1024,
  devicesPerRoomMax: 256,
  devicesPerAccountMax: 32,
  deviceRequestsPerAccountMax: 8,
  deviceRequestTtlMs: 10 * 60_000,
  membersPerCommandMax: 256,
  /** Open rooms are not encrypted for anybody. */
  membersPerOpenRoomMax: 10_000,
  /** Owners and admins. */
  staffPerRoomMax: 64,
  /** Edits of and reactions to one message. */
  relationsPerMessageMax: 1_000,
  pinsPerRoomMax: 50,
  mutesPerRoomMax: 256,
  linksPerRoomMax: 100,
  /** Webhooks into an open room that are in use, and all that it remembers. */
  hooksPerRoomMax: 16,
  hooksRememberedMax: 64,
  hookNameBytesMax: 64,
  linkTtlMsMax: 30 * 24 * 3_600_000,
  inviteTtlMsMax: 30 * 24 * 3_600_000,
  linkUsesMax: 10_000,
  messageTtlMsMin: 1_000,
  messageTtlMsMax: 366 * 24 * 3_600_000,
  /** How long messages may be kept where that is bounded. */
  retentionMsMin: 1_000,
  retentionMsMax: 10 * 366 * 24 * 3_600_000,
  /** Rooms that an account is in, where no other quota is set. */
  roomsPerAccountMax: 10_000,
  sessionsPerDeviceMax: 16,
  readPageMax: 500,
  readPageDefault: 50,
  accessTokenTtlMs: 15 * 60_000,
  sessionTtlMs: 30 * 24 * 3_600_000,
  challengeTtlMs: 60_000,
  /** A transaction id is remembered at least this long, and refused when its own time is older. */
  txnWindowMs: 7 * 24 * 3_600_000,
  txnFutureMs: 10 * 60_000,
  lockTtlMsMin: 1_000,
  lockTtlMsMax: 3_600_000,
  lockWaitMsMax: 24 * 3_600_000,
  locksPerSessionMax: 64,
  lockWaitersMax: 256,
  serverAdminsMax: 64,
  /** Addresses and ranges of them that are banned at a time. */
  addressBansMax: 1_000,
  banReasonBytesMax: 256,
  banMsMax: 10 * 366 * 24 * 3_600_000,
  displayNameBytesMax: 128,
  statusBytesMax: 512,
  blocksPerAccountMax: 1_000,
  /** So long typing is shown unless it is said again. */
  typingShownMs: 6_000,
  /** People whose presence one WebSocket watches, and who are asked for at once. */
  presenceWatchedMax: 256,
  presenceAskedMax: 100,
  reportReasonBytesMax: 1_024,
  /** Messages that one report shows. */
  revealedPerReportMax: 3,
  /** Reports of one account that wait for an admin. */
  openReportsPerAccountMax: 20,
  /** Reports that a server keeps, waiting or not, and how long. */
  reportsMax: 10_000,
  reportTtlMs: 180 * 24 * 3_600_000,
  reportsPageMax: 50,
  /** Rows of each part of the audit log; the oldest goes. */
  auditRowsMax: 50_000,
  /** Accounts that one row of it names. */
  auditAccountsMax: 8,
  /** Refused logins of one account within this are one row, told when it is over; the first is told at once. */
  auditRefusedWindowMs: 3_600_000,
  /** Accounts whose refused logins are told apart at a time. */
  auditRefusedAccountsMax: 64,
  /** How long a node holds a request while the cluster elects a leader. */
  requestDeadlineMs: 10_000,
} as const;
export type Limits = { readonly [K in keyof typeof LIMITS]: number };
