import { isAddressRange } from './address-range.ts';
import { isBlobId, isDeviceId, isLockName, isNodeName, isRoomId, isSessionId, isTxnId } from './ids.ts';
import {
  account,
  accountName,
  bytesOf,
  challengeId,
  codec,
  hash,
  key,
  listOf,
  numberFrom,
  orNil,
  record,
  recordFields,
  recordOf,
  signature,
  text,
  time,
} from './body-codec.ts';
import type { BodyCodec, Check } from './body-codec.ts';
import { loginBodyCodecs } from './login-bodies.ts';
import { CONTENT_LIMITS } from './content.ts';
import { NODE_ACTS } from './audit.ts';
import { isPlainText } from './plain-text.ts';
import { isErrorCode } from './errors.ts';
import { isBlobSize } from './blobs.ts';
import { LIMITS } from './limits.ts';
import type { NodeAct } from './audit.ts';
import { KEY_CAUSES, QUOTA_KINDS, REGISTRATION_POLICIES } from './commands.ts';
import type {
  CommandBodies,
  CommandKind,
  KeyCause,
  RefusedLogins,
  RegistrationPolicy,
  Role,
  RoomKind,
} from './commands.ts';
import type { ErrorCode } from './errors.ts';
import type { AccountId, RoomId, Seq } from './ids.ts';

export const COMMAND_LIMITS = {
  sealedUserKeyBytesMax: 1024,
  receiptMarksMax: 512,
  /** Accounts of which one command tells. */
  refusedLoginsMax: 64,
  /** For each node its keys, and a key sealed to them. */
  sealedRingKeyBytesMax: 32 * 1024,
  sweepKeysMax: 1024,
  sweepKeyBytesMax: 256,
} as const;

const device = text(isDeviceId);
const session = text(isSessionId);
const room = text(isRoomId);
const blob = text(isBlobId);
const blobSize: Check<number> = isBlobSize;
const count: Check<number> = (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const sealedUserKey = bytesOf(1, COMMAND_LIMITS.sealedUserKeyBytesMax);
const envelope = bytesOf(1, LIMITS.envelopeBytesMax);
const members = listOf(account, LIMITS.membersPerCommandMax);
const seq: Check<Seq> = (value): value is Seq => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
const lockName = text(isLockName);
const lockToken = numberFrom(1);
const lockTtlMs = numberFrom(LIMITS.lockTtlMsMin, LIMITS.lockTtlMsMax);
/** Milliseconds. */
const span: Check<number> = (value): value is number => time(value) && value <= LIMITS.messageTtlMsMax;
const retention = numberFrom(0, LIMITS.retentionMsMax);
/** False for what is not given. */
const quotas: Check<readonly (number | null | false)[]> = (value): value is (number | null | false)[] =>
  Array.isArray(value) &&
  value.length === QUOTA_KINDS.length &&
  value.every((item) => item === null || item === false || count(item));
const flag: Check<boolean> = (value): value is boolean => typeof value === 'boolean';
const role: Check<Role> = (value): value is Role => value === 'owner' || value === 'admin' || value === 'member';
const linkUses: Check<number> = (value): value is number => seq(value) && value <= LIMITS.linkUsesMax;
const receiptMark: Check<[AccountId, RoomId, number, number]> = (value): value is [AccountId, RoomId, number, number] =>
  Array.isArray(value) && value.length === 4 && account(value[0]) && room(value[1]) && time(value[2]) && time(value[3]);
const kindOfRoom: Check<RoomKind> = (value): value is RoomKind =>
  value === 'direct' || value === 'group' || value === 'open';
const ADDRESS_CHARS_MAX = 64;
/** An address as a node writes it down; never the text of a client. */
export const isAddressText: Check<string> = (value): value is string =>
  typeof value === 'string' && value.length <= ADDRESS_CHARS_MAX && /^[0-9a-fA-F.:/]*$/.test(value);
const addressRange = text(isAddressRange);
const nodeName = text(isNodeName);
const nodeAct: Check<NodeAct> = (value): value is NodeAct => NODE_ACTS.includes(value as NodeAct);
const errorCode: Check<ErrorCode> = text(isErrorCode);
type RefusedFields = [RefusedLogins['account'], ErrorCode, string, number];
const refusedLogins: Check<RefusedFields> = (value): value is RefusedFields =>
  Array.isArray(value) &&
  value.length === 4 &&
  orNil(account)(value[0]) &&
  errorCode(value[1]) &&
  isAddressText(value[2]) &&
  seq(value[3]);
const keyCause: Check<KeyCause> = (value): value is KeyCause => KEY_CAUSES.includes(value as KeyCause);
const policy: Check<RegistrationPolicy> = (value): value is RegistrationPolicy =>
  REGISTRATION_POLICIES.includes(value as RegistrationPolicy);
/** One line of what an admin or a person has to say; its bytes, not its characters, are bounded. */
const words =
  (bytesMax: number): Check<string> =>
  (value): value is string =>
    typeof value === 'string' && isPlainText(value, bytesMax);
const hookName: Check<string> = (value): value is string =>
  words(LIMITS.hookNameBytesMax)(value) && value.trim() !== '';
const revealed: Check<[Seq, Uint8Array, Uint8Array]> = (value): value is [Seq, Uint8Array, Uint8Array] =>
  Array.isArray(value) &&
  value.length === 3 &&
  seq(value[0]) &&
  hash(value[1]) &&
  bytesOf(1, CONTENT_LIMITS.contentBytesMax)(value[2]);
const stateKey: Check<string> = (value): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= COMMAND_LIMITS.sweepKeyBytesMax;

export const bodyCodecs: { readonly [K in CommandKind]: BodyCodec<CommandBodies[K]> } = {
  ...loginBodyCodecs,
  'account.register': codec(
    [accountName, key, record, orNil(hash), orNil(policy)],
    (it) => [it.name, it.userKey, recordFields(it.device), it.inviteHash ?? null, it.policy ?? null],
    (name, userKey, device, inviteHash, startedWith) => ({
      name,
      userKey,
      device: recordOf(device),
      ...(inviteHash === null ? {} : { inviteHash }),
      ...(startedWith === null ? {} : { policy: startedWith }),
    }),
  ),
  'device.request': codec(
    [account, device, key, key],
    (it) => [it.account, it.device, it.signingKey, it.sealingKey],
    (account, device, signingKey, sealingKey) => ({ account, device, signingKey, sealingKey }),
  ),
  'device.approve': codec(
    [record, sealedUserKey],
    (it) => [recordFields(it.record), it.sealedUserKey],
    (record, sealedUserKey) => ({ record: recordOf(record), sealedUserKey }),
  ),
  'device.revoke': codec(
    [device],
    (it) => [it.device],
    (device) => ({ device }),
  ),
  'session.create': codec(
    [account, device, challengeId, time, hash, hash],
    (it) => [it.account, it.device, it.challengeId, it.challengeExpiresAt, it.accessHash, it.refreshHash],
    (account, device, challengeId, challengeExpiresAt, accessHash, refreshHash) => ({
      account,
      device,
      challengeId,
      challengeExpiresAt,
      accessHash,
      refreshHash,
    }),
  ),
  'session.refresh': codec(
    [session, hash, hash, hash],
    (it) => [it.session, it.spentHash, it.accessHash, it.refreshHash],
    (session, spentHash, accessHash, refreshHash) => ({ session, spentHash, accessHash, refreshHash }),
  ),
  'session.revoke': codec(
    [session],
    (it) => [it.session],
    (session) => ({ session }),
  ),
  'room.create': codec(
    [kindOfRoom, members, orNil(envelope)],
    (it) => [it.kind, it.members, it.sealedMeta ?? null],
    (kind, members, sealedMeta) => (sealedMeta === null ? { kind, members } : { kind, members, sealedMeta }),
  ),
  'room.add': codec(
    [room, members, orNil(envelope)],
    (it) => [it.room, it.members, it.sealedMeta ?? null],
    (room, members, sealedMeta) => (sealedMeta === null ? { room, members } : { room, members, sealedMeta }),
  ),
  'room.remove': codec(
    [room, account],
    (it) => [it.room, it.member],
    (room, member) => ({ room, member }),
  ),
  'room.set-meta': codec(
    [room, envelope],
    (it) => [it.room, it.sealedMeta],
    (room, sealedMeta) => ({ room, sealedMeta }),
  ),
  'room.set-role': codec(
    [room, account, role],
    (it) => [it.room, it.member, it.role],
    (room, member, role) => ({ room, member, role }),
  ),
  'room.mute': codec(
    [room, account, span],
    (it) => [it.room, it.member, it.forMs],
    (room, member, forMs) => ({ room, member, forMs }),
  ),
  'room.archive': codec(
    [room, flag],
    (it) => [it.room, it.archived],
    (room, archived) => ({ room, archived }),
  ),
  'room.set-ttl': codec(
    [room, span],
    (it) => [it.room, it.ttlMs],
    (room, ttlMs) => ({ room, ttlMs }),
  ),
  'room.set-retention': codec(
    [room, retention],
    (it) => [it.room, it.retentionMs],
    (room, retentionMs) => ({ room, retentionMs }),
  ),
  'room.pin': codec(
    [room, seq, flag],
    (it) => [it.room, it.seq, it.pinned],
    (room, seq, pinned) => ({ room, seq, pinned }),
  ),
  'room.create-link': codec(
    [room, hash, span, linkUses],
    (it) => [it.room, it.secretHash, it.ttlMs, it.usesMax],
    (room, secretHash, ttlMs, usesMax) => ({ room, secretHash, ttlMs, usesMax }),
  ),
  'room.revoke-link': codec(
    [room, hash],
    (it) => [it.room, it.secretHash],
    (room, secretHash) => ({ room, secretHash }),
  ),
  'room.join': codec(
    [room, orNil(hash)],
    (it) => [it.room, it.secretHash ?? null],
    (room, secretHash) => (secretHash === null ? { room } : { room, secretHash }),
  ),
  'hook.add': codec(
    [room, hookName, key, signature],
    (it) => [it.room, it.name, it.signingKey, it.signature],
    (where, name, signingKey, signed) => ({ room: where, name, signingKey, signature: signed }),
  ),
  'hook.remove': codec(
    [room, device],
    (it) => [it.room, it.hook],
    (where, hook) => ({ room: where, hook }),
  ),
  'hook.say': codec(
    [device, envelope, text(isTxnId)],
    (it) => [it.hook, it.envelope, it.formerTxnId],
    (hook, bytes, formerTxnId) => ({ hook, envelope: bytes, formerTxnId }),
  ),
  'message.send': codec(
    [room, envelope],
    (it) => [it.room, it.envelope],
    (room, envelope) => ({ room, envelope }),
  ),
  'message.delete': codec(
    [room, seq],
    (it) => [it.room, it.seq],
    (room, seq) => ({ room, seq }),
  ),
  'blob.begin': codec(
    [blob, blobSize, count],
    (it) => [it.blob, it.sizeBytes, it.quotaBytes],
    (blob, sizeBytes, quotaBytes) => ({ blob, sizeBytes, quotaBytes }),
  ),
  'blob.stored': codec(
    [blob],
    (it) => [it.blob],
    (blob) => ({ blob }),
  ),
  'receipt.mark': codec(
    [listOf(receiptMark, COMMAND_LIMITS.receiptMarksMax)],
    (it) => [it.marks.map((mark) => [mark.account, mark.room, mark.delivered, mark.read])],
    (marks) => ({ marks: marks.map(([account, room, delivered, read]) => ({ account, room, delivered, read })) }),
  ),
  'receipt.share': codec(
    [flag],
    (it) => [it.share],
    (share) => ({ share }),
  ),
  'invite.create': codec(
    [hash, numberFrom(1, LIMITS.inviteTtlMsMax)],
    (it) => [it.inviteHash, it.ttlMs],
    (inviteHash, ttlMs) => ({ inviteHash, ttlMs }),
  ),
  'lock.acquire': codec(
    [lockName, lockTtlMs, numberFrom(0, LIMITS.lockWaitMsMax)],
    (it) => [it.name, it.ttlMs, it.waitMs],
    (name, ttlMs, waitMs) => ({ name, ttlMs, waitMs }),
  ),
  'lock.renew': codec(
    [lockName, lockToken, lockTtlMs],
    (it) => [it.name, it.token, it.ttlMs],
    (name, token, ttlMs) => ({ name, token, ttlMs }),
  ),
  'lock.release': codec(
    [lockName, orNil(lockToken)],
    (it) => [it.name, it.token ?? null],
    (name, token) => (token === null ? { name } : { name, token }),
  ),
  'server.set-registration': codec(
    [policy],
    (it) => [it.policy],
    (wanted) => ({ policy: wanted }),
  ),
  'server.set-retention': codec(
    [retention],
    (it) => [it.retentionMs],
    (retentionMs) => ({ retentionMs }),
  ),
  'server.set-quotas': codec(
    [orNil(account), quotas],
    (it) => [it.account, QUOTA_KINDS.map((kind) => it.quotas[kind] ?? (kind in it.quotas ? null : false))],
    (account, given) => ({
      account,
      quotas: Object.fromEntries(QUOTA_KINDS.flatMap((kind, i) => (given[i] === false ? [] : [[kind, given[i]]]))),
    }),
  ),
  'server.set-admin': codec(
    [account, flag],
    (it) => [it.account, it.granted],
    (who, granted) => ({ account: who, granted }),
  ),
  'user.ban': codec(
    [account, words(LIMITS.banReasonBytesMax), orNil(numberFrom(1, LIMITS.banMsMax))],
    (it) => [it.account, it.reason, it.forMs],
    (who, reason, forMs) => ({ account: who, reason, forMs }),
  ),
  'user.unban': codec(
    [account],
    (it) => [it.account],
    (who) => ({ account: who }),
  ),
  'address.ban': codec(
    [addressRange, words(LIMITS.banReasonBytesMax), orNil(numberFrom(1, LIMITS.banMsMax))],
    (it) => [it.range, it.reason, it.forMs],
    (range, reason, forMs) => ({ range, reason, forMs }),
  ),
  'address.unban': codec(
    [addressRange],
    (it) => [it.range],
    (range) => ({ range }),
  ),
  'user.set-active': codec(
    [account, flag],
    (it) => [it.account, it.active],
    (who, active) => ({ account: who, active }),
  ),
  'user.delete': codec(
    [account, flag],
    (it) => [it.account, it.messages],
    (who, messages) => ({ account: who, messages }),
  ),
  'profile.set': codec(
    [orNil(words(LIMITS.displayNameBytesMax)), orNil(words(LIMITS.statusBytesMax))],
    (it) => [it.displayName ?? null, it.status ?? null],
    (displayName, status) => ({
      ...(displayName === null ? {} : { displayName }),
      ...(status === null ? {} : { status }),
    }),
  ),
  'block.set': codec(
    [account, flag],
    (it) => [it.account, it.blocked],
    (who, blocked) => ({ account: who, blocked }),
  ),
  'report.create': codec(
    [room, seq, words(LIMITS.reportReasonBytesMax), listOf(revealed, LIMITS.revealedPerReportMax)],
    (it) => [it.room, it.seq, it.reason, it.revealed.map((one) => [one.seq, one.r, one.content])],
    (where, place, reason, shown) => ({
      room: where,
      seq: place,
      reason,
      revealed: shown.map(([at, r, content]) => ({ seq: at, r, content })),
    }),
  ),
  'report.resolve': codec(
    [seq, words(LIMITS.reportReasonBytesMax)],
    (it) => [it.report, it.resolution],
    (report, resolution) => ({ report, resolution }),
  ),
  'message.purge': codec(
    [room, seq],
    (it) => [it.room, it.seq],
    (where, place) => ({ room: where, seq: place }),
  ),
  'room.purge': codec(
    [room],
    (it) => [it.room],
    (where) => ({ room: where }),
  ),
  'audit.refused-logins': codec(
    [listOf(refusedLogins, COMMAND_LIMITS.refusedLoginsMax)],
    (it) => [it.refused.map((one) => [one.account, one.code, one.address, one.count])],
    (refused) => ({
      refused: refused.map(([who, code, address, times]) => ({ account: who, code, address, count: times })),
    }),
  ),
  'audit.node-act': codec(
    [nodeAct, nodeName],
    (it) => [it.act, it.node],
    (act, node) => ({ act, node }),
  ),
  'keys.rotate': codec(
    [count, keyCause, bytesOf(1, COMMAND_LIMITS.sealedRingKeyBytesMax)],
    (it) => [it.after, it.cause, it.sealed],
    (after, cause, sealed) => ({ after, cause, sealed }),
  ),
  'state.sweep': codec(
    [listOf(stateKey, COMMAND_LIMITS.sweepKeysMax)],
    (it) => [it.keys],
    (keys) => ({ keys }),
  ),
};
