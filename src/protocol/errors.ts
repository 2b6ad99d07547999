/**
 * One table of everything that can go wrong in operation. Codes are stable: clients branch on them, metrics are
 * labelled with them, docs list them. `retryable` says whether the same request may succeed later unchanged.
 */
interface ErrorRow {
  /** HTTP status of the problem+json answer. */
  readonly status: number;
  /** Exit code of the command line programs. */
  readonly exit: number;
  readonly retryable: boolean;
  /** WebSocket close code when the error ends the connection. */
  readonly close?: number;
  /** What happened and what to do, one sentence. */
  readonly title: string;
}

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  cannotConnect: 3,
  noQuorum: 4,
  notAuthorised: 5,
  notFound: 6,
  conflict: 7,
  timedOut: 8,
} as const;

const row = (status: number, exit: number, retryable: boolean, title: string, close?: number): ErrorRow =>
  close === undefined ? { status, exit, retryable, title } : { status, exit, retryable, title, close };

export const ERRORS = {
  // Requests that are wrong in themselves.
  bad_request: row(400, 2, false, 'The request cannot be understood.', 4400),
  malformed_json: row(400, 2, false, 'The body is not valid JSON.', 4400),
  invalid_field: row(400, 2, false, 'A field is missing, unknown or of the wrong type.', 4400),
  invalid_envelope: row(400, 1, false, 'The envelope is malformed or disagrees with its request.'),
  invalid_signature: row(400, 1, false, 'A signature does not verify.'),
  payload_too_large: row(413, 1, false, 'The body or frame is larger than allowed.', 1009),
  unsupported_media_type: row(415, 2, false, 'Send application/json.'),
  not_found: row(404, 6, false, 'There is no such resource.'),
  method_not_allowed: row(405, 2, false, 'This method does not exist here.'),
  // Who is asking.
  unauthenticated: row(401, 5, false, 'Log in first.', 4401),
  token_expired: row(401, 5, true, 'The access token has expired: refresh it.', 4402),
  session_revoked: row(401, 5, false, 'This session has ended: log in again.', 4403),
  refresh_reused: row(401, 5, false, 'This refresh secret was used before; the session is revoked.', 4403),
  challenge_invalid: row(401, 5, false, 'The challenge is unknown, forged or expired: ask for a new one.'),
  challenge_replayed: row(401, 5, false, 'This challenge has been used: ask for a new one.'),
  password_wrong: row(401, 5, false, 'The name or the password is wrong.'),
  totp_required: row(401, 5, false, 'This account also asks for the code that your phone shows.'),
  totp_wrong: row(401, 5, false, 'This code is wrong, too old, or was used before: wait for the next one.'),
  recovery_refused: row(401, 5, false, 'This recovery code does not open this account.'),
  login_delayed: row(429, 1, true, 'Too many attempts on this name or from this address: wait.', 4429),
  identify_first: row(401, 5, false, 'The first frame must be identify or resume.', 4401),
  forbidden: row(403, 5, false, 'You may not do this.', 4404),
  origin_not_allowed: row(403, 5, false, 'This origin is not allowed here.', 4404),
  registration_closed: row(403, 5, false, 'Registration is closed on this cluster.'),
  invite_required: row(403, 5, false, 'Registration needs a valid invitation.'),
  account_banned: row(403, 5, false, 'This account is banned from this server.', 4403),
  address_banned: row(403, 5, false, 'Your address is banned from this server.', 4403),
  account_deactivated: row(403, 5, false, 'This account is deactivated: ask an admin of the server.', 4403),
  account_deleted: row(410, 6, false, 'This account was deleted, and does not come back.'),
  // What it is about.
  no_such_user: row(404, 6, false, 'There is no such user.'),
  no_such_device: row(404, 6, false, 'There is no such device.'),
  no_such_room: row(404, 6, false, 'There is no such room, or you are not a member.'),
  no_such_message: row(404, 6, false, 'There is no such message, or it is gone.'),
  no_such_report: row(404, 6, false, 'There is no such report.'),
  report_mismatch: row(422, 1, false, 'What is revealed is not what was written.'),
  no_such_link: row(404, 6, false, 'This link leads nowhere: it is used up, over, or was revoked.'),
  no_such_session: row(404, 6, false, 'There is no such session.'),
  no_such_request: row(404, 6, false, 'No device waits with this code.'),
  login_exists: row(409, 7, false, 'This name is taken.'),
  already_registered: row(409, 7, false, 'This key is registered under another name.'),
  already_member: row(409, 7, false, 'This account is a member already.'),
  device_exists: row(409, 7, false, 'This device is enrolled already.'),
  no_password: row(409, 7, false, 'This account has no password.'),
  no_vault: row(404, 6, false, 'This account has no vault: no recovery code was made for it.'),
  vault_conflict: row(409, 7, false, 'Another device has changed the vault: read it again.'),
  not_a_group: row(409, 7, false, 'A direct room has its two members for ever.'),
  ambiguous: row(409, 7, false, 'This name stands for more than one room: use room:ID.'),
  user_key_changed: row(409, 7, false, 'The signing key of this user changed: compare it before you go on.'),
  lock_held: row(409, 7, false, 'Somebody else holds this lock: ask with waitMs to stand in its queue.'),
  lock_lost: row(409, 7, false, 'This lease is over: somebody else may hold the lock.'),
  blocked: row(403, 5, false, 'This person takes no direct messages and invitations from you.'),
  is_admin: row(409, 7, false, 'This account is an admin of the server: take that from it first.'),
  not_banned: row(404, 6, false, 'This account is not banned.'),
  last_owner: row(409, 7, false, 'A room with members has an owner: make another member owner first.'),
  // Sending.
  muted: row(403, 5, false, 'You may not write in this room for now.'),
  room_archived: row(409, 7, false, 'This room is archived: nothing more is written in it.'),
  txn_reused: row(422, 7, false, 'This transaction id was used with other content.'),
  txn_expired: row(410, 7, false, 'This transaction id is too old: look for it in the room before resending.'),
  txn_from_future: row(422, 1, false, 'This transaction id is ahead of the cluster time: set the clock.'),
  stale_devices: row(409, 7, false, 'The devices of this room changed: encrypt again for the current ones.'),
  room_too_large: row(422, 1, false, 'An encrypted room holds at most 256 devices.'),
  message_full: row(422, 1, false, 'This message has as many edits and reactions as one may have.'),
  too_many: row(422, 1, false, 'A limit of this cluster is reached.'),
  rate_limited: row(429, 1, true, 'Too many requests: slow down.', 4429),
  // Files.
  no_such_hook: row(404, 6, false, 'There is no such webhook: it was removed, or never was.'),
  no_such_blob: row(404, 6, false, 'There is no such file, or you may not read it.'),
  blob_missing: row(409, 7, false, 'A file of this message is not stored: upload it first.'),
  blob_taken: row(409, 7, false, 'Another account has uploaded these very bytes.'),
  blob_incomplete: row(409, 7, false, 'Some chunks of this file are missing: send them first.'),
  blob_mismatch: row(422, 1, false, 'These bytes are not those that the hash stands for.'),
  blob_unavailable: row(503, 1, true, 'No node that answers has these bytes right now: try again.'),
  file_too_large: row(413, 1, false, 'The file is larger than this cluster takes.'),
  quota_exceeded: row(413, 1, false, 'This account has used up what it may: files, messages of a day, or rooms.'),
  range_not_satisfiable: row(416, 1, false, 'The file has no such range of bytes.'),
  // The cluster.
  no_leader: row(503, 4, true, 'No leader serves right now: try again.', 4503),
  overloaded: row(503, 1, true, 'The cluster is busy: slow down and try again.', 4503),
  not_leader: row(421, 1, true, 'Only the leader can do this: ask it.'),
  no_such_node: row(404, 6, false, 'There is no such node.'),
  quorum_at_risk: row(409, 7, false, 'This would leave the cluster without a majority.'),
  change_in_progress: row(409, 7, true, 'Another change of the membership is under way: wait for it.'),
  behind: row(503, 8, true, 'This node has not caught up with your cursor yet: try again or ask another node.', 4503),
  deadline_exceeded: row(504, 8, true, 'No answer before the deadline. The same request may be sent again safely.'),
  shutting_down: row(503, 3, true, 'This node is going down: use another.', 4504),
  damaged: row(503, 1, true, 'The data of this node is damaged: use another, and see chatctl status.', 4503),
  disk_low: row(503, 1, true, 'The disk of this node is nearly full: use another.', 4503),
  rolled_back: row(503, 1, true, 'The data of this node is older than what it promised: use another node.', 4503),
  wrong_wrapping_key: row(500, 1, false, 'The data of this node is sealed under another wrapping key: give that one.'),
  disk_full: row(503, 1, true, 'There is no space left on the disk of this node.'),
  cursor_invalid: row(410, 7, false, 'This cursor belongs to another cluster or epoch: start afresh.'),
  slow_consumer: row(503, 1, true, 'You read too slowly: resume from your cursor.', 4505),
  unsupported_version: row(400, 1, false, 'A newer program wrote this: upgrade.'),
  internal: row(500, 1, false, 'An internal error happened. It is in the log of the node under the requestId.', 1011),
  // Seen by programs, not sent by nodes.
  cannot_connect: row(503, 3, true, 'No node could be reached.'),
  usage: row(400, 2, false, 'The command is not used like this: see --help.'),
  wrong_cluster: row(409, 7, false, 'This data or message belongs to another cluster.'),
  home_damaged: row(500, 1, false, 'The data in this home is damaged.'),
  data_in_use: row(409, 7, false, 'Another process uses this data directory.'),
  port_in_use: row(409, 7, false, 'A port is taken by another program.'),
  missing_binary: row(500, 1, false, 'A program that is needed is not installed.'),
  file_exists: row(409, 7, false, 'A file of this name is there already: choose another folder, or --force.'),
  file_unreadable: row(422, 1, false, 'The file cannot be read.'),
  password_weak: row(400, 2, false, 'A password has at least 8 characters.'),
  recovery_code_mistyped: row(400, 2, false, 'This is no recovery code: compare it with what you wrote down.'),
  vault_downgraded: row(409, 7, false, 'A node shows an older vault than this device knows, or a forged one: refused.'),
  unreadable: row(422, 1, false, 'This message cannot be read on this device.'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** An operating error: expected in a healthy program, carried to whoever can act on it. */
export class ParleyError extends Error {
  readonly code: ErrorCode;
  /** Machine-readable particulars, safe to show to the caller. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown; data?: Record<string, unknown> }) {
    super(detail ?? ERRORS[code].title, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ParleyError';
    this.code = code;
    this.data = options?.data ?? {};
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}
