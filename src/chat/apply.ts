import { toBase64Url } from '../protocol/base64url.ts';
import { rotateKeys } from './key-ring.ts';
import { decodeCommand } from '../protocol/command-codec.ts';
import { registerAccount } from './accounts.ts';
import { banAddress, unbanAddress } from './address-bans.ts';
import { beginBlob, storeBlob } from './blobs.ts';
import { deduped } from './dedupe.ts';
import { approveDevice, enrolDevice, requestDevice, revokeDevice } from './devices.ts';
import { disableTotp, enableTotp, putVault, removePassword, setPassword } from './factors.ts';
import { addLoginSetup, finishLogin, recoverLogin, startLogin } from './login.ts';
import { addHook, removeHook, sayByHook } from './hooks.ts';
import { acquireLock, releaseLock, renewLock } from './lock-commands.ts';
import { createInvite } from './invites.ts';
import { deleteMessage, sendMessage } from './messages.ts';
import { attempt } from './results.ts';
import { pinMessage } from './pins.ts';
import { setQuotas } from './quotas.ts';
import { setRoomRetention, setServerRetention } from './retention.ts';
import { markReceipts, shareReceipts } from './receipts.ts';
import { countRefusedLogins, noteNodeAct } from './refused-logins.ts';
import { createLink, revokeLink } from './room-links.ts';
import { addMembers, joinRoom, muteMember, removeMember, setRole } from './room-members.ts';
import { archiveRoom, createRoom, setMeta, setTtl } from './rooms.ts';
import { createSession, refreshSession, revokeSession } from './sessions.ts';
import { setRegistration, setServerAdmin } from './server-admin.ts';
import { banUser, deleteUser, setActive, unbanUser } from './users.ts';
import { setBlock } from './blocks.ts';
import { setProfile } from './profiles.ts';
import { purgeMessage, purgeRoom } from './purge.ts';
import { createReport, resolveReport } from './reports.ts';
import { sweepState } from './sweep.ts';
import { Work } from './work.ts';
import type { CommandKind, CommandOf, CommandResult } from '../protocol/commands.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { BlobId } from '../protocol/ids.ts';
import type { ApplyBatch, ApplyContext } from './apply-context.ts';
import type { StateView } from './ports.ts';
import type { Handler } from './results.ts';

export interface ApplyOutcome {
  /** One for each command, in their order. */
  readonly results: readonly CommandResult[];
  /** What those who watch see, in order. */
  readonly events: readonly PlacedEvent[];
  /** Files that nodes have to look after: their rows say what is to be. */
  readonly blobs: readonly BlobId[];
}

/**
 * The replicated state machine: one log entry, applied. Deterministic and synchronous: the same rows, batch and
 * cluster give the same changes, results and events on every node. It costs what the batch costs, however much state
 * there is. A command that is refused, or cannot even be decoded, is a result and changes nothing; what this throws
 * is a broken invariant, and ends the process.
 */
export function applyBatch(view: StateView, batch: ApplyBatch, context: ApplyContext): ApplyOutcome {
  const work = new Work(view, batch, context);
  const results = batch.commands.map((bytes) => applyCommand(work, bytes));
  work.finish();
  return { results, events: work.events, blobs: [...work.touchedBlobs] };
}

function applyCommand(work: Work, bytes: Uint8Array): CommandResult {
  const decoded = attempt(() => decodeCommand(bytes));
  if (!decoded.ok) return decoded;
  work.command = decoded.value;
  return dispatch(work, decoded.value);
}

function dispatch<K extends CommandKind>(work: Work, command: CommandOf<K>): CommandResult {
  return handlers[command.kind](work, command);
}

/** Of somebody with an admin token there is no device. */
const byAdmin = (command: CommandOf<CommandKind>): string => command.actor?.device ?? 'cluster';

const byDevice = (command: CommandOf<CommandKind>): string => command.actor?.device ?? 'nobody';

const bySession = (command: CommandOf<CommandKind>): string => command.actor?.session ?? 'nobody';

/** Nobody is logged in yet; the secret is one's own. */
const byGrant = ({ body }: CommandOf<'login.finish' | 'login.recover'>): string => toBase64Url(body.grantHash);

/**
 * Every command is exactly-once: by a record of its result, or, for registering, refreshing, sending, uploading,
 * counting refused logins, changing keys and sweeping, by means of its own.
 */
const handlers: { readonly [K in CommandKind]: Handler<K> } = {
  'account.register': registerAccount,
  'device.request': deduped(({ body }) => body.device, requestDevice),
  'device.approve': deduped(byDevice, approveDevice),
  'device.revoke': deduped(byDevice, revokeDevice),
  'session.create': deduped(({ body }) => body.device, createSession),
  'session.refresh': refreshSession,
  'session.revoke': deduped(byDevice, revokeSession),
  'room.create': deduped(byDevice, createRoom),
  'room.add': deduped(byDevice, addMembers),
  'room.remove': deduped(byDevice, removeMember),
  'room.set-meta': deduped(byDevice, setMeta),
  'room.set-role': deduped(byDevice, setRole),
  'room.mute': deduped(byDevice, muteMember),
  'room.archive': deduped(byDevice, archiveRoom),
  'room.set-ttl': deduped(byDevice, setTtl),
  'room.set-retention': deduped(byDevice, setRoomRetention),
  // Getting no further than one is changes nothing, so a repetition does not either.
  'receipt.mark': markReceipts,
  'receipt.share': deduped(byDevice, shareReceipts),
  'room.pin': deduped(byDevice, pinMessage),
  'room.create-link': deduped(byDevice, createLink),
  'room.revoke-link': deduped(byDevice, revokeLink),
  'room.join': deduped(byDevice, joinRoom),
  'hook.add': deduped(byDevice, addHook),
  'hook.remove': deduped(byDevice, removeHook),
  'hook.say': sayByHook,
  'message.send': sendMessage,
  'message.delete': deduped(byDevice, deleteMessage),
  'invite.create': deduped(byAdmin, createInvite),
  'lock.acquire': deduped(bySession, acquireLock),
  'lock.renew': deduped(bySession, renewLock),
  'lock.release': deduped(bySession, releaseLock),
  'blob.begin': beginBlob,
  'blob.stored': storeBlob,
  'server.set-registration': deduped(byAdmin, setRegistration),
  'server.set-retention': deduped(byAdmin, setServerRetention),
  'server.set-quotas': deduped(byAdmin, setQuotas),
  'server.set-admin': deduped(byAdmin, setServerAdmin),
  'user.ban': deduped(byAdmin, banUser),
  'user.unban': deduped(byAdmin, unbanUser),
  'address.ban': deduped(byAdmin, banAddress),
  'address.unban': deduped(byAdmin, unbanAddress),
  'user.set-active': deduped(byAdmin, setActive),
  'user.delete': deduped(byAdmin, deleteUser),
  'profile.set': deduped(byDevice, setProfile),
  'block.set': deduped(byDevice, setBlock),
  'report.create': deduped(byDevice, createReport),
  'report.resolve': deduped(byAdmin, resolveReport),
  'message.purge': deduped(byAdmin, purgeMessage),
  'room.purge': deduped(byAdmin, purgeRoom),
  'audit.refused-logins': countRefusedLogins,
  'audit.node-act': deduped(byAdmin, noteNodeAct),
  'login.add-setup': deduped(byAdmin, addLoginSetup),
  // Counting an attempt keeps the last one's txnId.
  'login.start': startLogin,
  'login.finish': deduped(byGrant, finishLogin),
  'login.recover': deduped(byGrant, recoverLogin),
  'device.enrol': deduped(({ body }) => body.record.device, enrolDevice),
  'password.set': deduped(byDevice, setPassword),
  'password.remove': deduped(byDevice, removePassword),
  'vault.put': deduped(byDevice, putVault),
  'totp.enable': deduped(byDevice, enableTotp),
  'totp.disable': deduped(byDevice, disableTotp),
  'keys.rotate': rotateKeys,
  'state.sweep': sweepState,
};
