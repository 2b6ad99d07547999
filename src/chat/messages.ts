import { decodeEnvelope, isOpenForm } from '../protocol/envelope.ts';
import { messageIdOf } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { noteActivity } from './activity.ts';
import { checkBlocks } from './blocks.ts';
import { checkBlobs, referToBlobs } from './blobs.ts';
import { checkTxnTime, findSent, recordSent } from './dedupe.ts';
import { KEYS } from './keys.ts';
import { memberIn } from './members.ts';
import { addRelation, checkRelation, messageAt } from './relations.ts';
import { announceGone, removeMessage } from './removal.ts';
import { checkMessageQuota, countMessage } from './quotas.ts';
import { noteWritten } from './retention.ts';
import { accept, attempt, reject } from './results.ts';
import { enter } from './room-entry.ts';
import { isCurrent, rosterDifference } from './roster.ts';
import { messageCodec } from './room-rows.ts';
import { checkActor } from './sessions.ts';
import { setMessageBit } from './unread.ts';
import type { CommandResult, CommandValues } from '../protocol/commands.ts';
import type { Envelope, EnvelopeHeader } from '../protocol/envelope.ts';
import type { AccountId, AccountName, DeviceId, RoomId, Seq, TxnId } from '../protocol/ids.ts';
import type { Author } from './dedupe.ts';
import type { Handler, Rejection } from './results.ts';
import type { MessageRow, RoomRow } from './room-rows.ts';
import type { Roster } from './roster.ts';
import type { Work } from './work.ts';

/**
 * Gives an envelope the next number of its room. A retry is recognised by its content tag before anything else is
 * looked at, because a re-encrypted envelope has other bytes and, by then, perhaps another roster.
 */
export const sendMessage: Handler<'message.send'> = (work, command) => {
  const { actor, txnId } = command;
  const { room, envelope } = command.body;
  if (actor === null) return reject('unauthenticated');
  const decoded = attempt(() => decodeEnvelope(envelope));
  if (!decoded.ok) return decoded;
  const { header } = decoded.value;
  const sent = { actor, room, txnId, contentTag: header.contentTag };
  const original = findSent(work, sent);
  if (original !== undefined) return original;

  const refusal =
    checkTxnTime(work, txnId) ??
    checkActor(work, actor) ??
    checkHeader(work, { device: actor.device, room, txnId }, header);
  if (refusal !== undefined) return refusal;
  const row = work.rooms.get(room);
  if (row === undefined) return reject('no_such_room');
  const from = senderIn(work, room, row, actor.account);
  if (from === undefined) return reject('no_such_room');
  if (row.archived) return reject('room_archived');
  const blocked =
    row.kind === 'direct' ? checkBlocks(work, actor.account, [...from.roster!.members.keys()]) : undefined;
  if (blocked !== undefined) return blocked;
  const mute = row.mutes.find(({ account }) => account === actor.account);
  if (mute !== undefined && mute.until > work.stampMs) return reject('muted', undefined, { until: mute.until });
  const unfit = from.roster === null ? checkOpenForm(decoded.value) : checkRecipients(header, from.roster);
  if (unfit !== undefined) return unfit;
  const wrong = header.relation && checkRelation(work, header.relation, { ...actor, room, joinedSeq: from.joinedSeq });
  const missing = wrong ?? checkFiles(work, actor.account, header) ?? checkMessageQuota(work, actor.account);
  return missing ?? placeMessage(work, { actor, txnId, room, envelope, header, fromName: from.name });
};

interface Sender {
  readonly joinedSeq: Seq;
  readonly name: AccountName;
  /** Null in an open room, whose members are not looked at. */
  readonly roster: Roster | null;
}

function senderIn(work: Work, room: RoomId, row: RoomRow, account: AccountId): Sender | undefined {
  if (row.kind === 'open') {
    const self = memberIn(work, room, account);
    return self && { joinedSeq: self.joinedSeq, name: work.accounts.get(account)!.name, roster: null };
  }
  const roster = work.rosterOf(room, row);
  const self = roster.members.get(account);
  return self && { joinedSeq: self.joinedSeq, name: self.name, roster };
}

function checkRecipients(header: EnvelopeHeader, roster: Roster): Rejection | undefined {
  if (roster.devices.length > LIMITS.devicesPerRoomMax) return reject('room_too_large');
  if (isCurrent(header, roster)) return undefined;
  return reject('stale_devices', undefined, { ...rosterDifference(header, roster) });
}

export function checkOpenForm(envelope: Envelope): Rejection | undefined {
  if (isOpenForm(envelope)) return undefined;
  return reject('invalid_envelope', 'What is written in an open room is sealed for nobody.');
}

/** Only messages have files: what becomes of one need not be looked for in all that relates to it. */
function checkFiles(work: Work, account: AccountId, { blobs, relation }: EnvelopeHeader): Rejection | undefined {
  if (blobs === undefined) return undefined;
  if (relation !== undefined) return reject('invalid_envelope', 'An edit or a reaction cannot refer to files.');
  return checkBlobs(work, account, blobs);
}

/** By its author, or, in a group, by owner and admins. */
export const deleteMessage: Handler<'message.delete'> = (work, { actor, body }) => {
  const place = enter(work, actor, body.room);
  if (!place.ok) return place;
  const { row, self } = place;
  const message = body.seq < self.joinedSeq ? undefined : messageAt(work, body.room, body.seq);
  if (message === undefined || message.gone !== null) return reject('no_such_message');
  const moderates = row.kind !== 'direct' && self.role !== 'member';
  if (message.from !== self.account && !moderates) return reject('forbidden', 'This is not your message.');
  const seqs = removeMessage(work, body.room, body.seq, 'deleted');
  announceGone(work, { room: body.room, seqs, reason: 'deleted', by: self.account });
  return accept<'message.delete'>({ room: body.room, seqs });
};

/** An envelope that may be where it is to be: whatever can be refused was. */
export function placeMessage(
  work: Work,
  {
    actor,
    txnId,
    room,
    envelope,
    header,
    fromName,
  }: {
    readonly actor: Author;
    readonly txnId: TxnId;
    readonly room: RoomId;
    readonly envelope: Uint8Array;
    readonly header: EnvelopeHeader;
    readonly fromName: AccountName;
  },
): CommandResult<'message.send'> {
  const { account: from, device } = actor;
  const row = work.rooms.get(room)!;
  const seq = (row.lastSeq + 1) as Seq;
  const { index, nextOrder: order, stampMs: sentAt } = work;
  const value: CommandValues['message.send'] = { room, seq, id: messageIdOf(txnId, device), sentAt, index };
  const { contentTag, relation = null } = header;
  const ttlMs = Math.min(header.ttlMs ?? Infinity, row.ttlMs === 0 ? Infinity : row.ttlMs);
  const message: MessageRow = { index, order, from, device, txnId, sentAt, envelope, relation, gone: null };
  work.view.put(KEYS.message(room, seq), messageCodec.encode(message));
  work.rooms.put(room, { ...row, lastSeq: seq, lastIndex: index });
  noteActivity(work.view, `m/${room}`, row.lastIndex, index);
  if (relation === null) setMessageBit(work, room, seq, true);
  else addRelation(work, room, relation, seq);
  referToBlobs(work, room, seq, header.blobs ?? []);
  if (ttlMs !== Infinity) work.expireAt(sentAt + ttlMs, KEYS.message(room, seq));
  countMessage(work, from);
  noteWritten(work, room);
  recordSent(work, { actor, txnId, contentTag }, value);
  work.emit({ kind: 'message', room, seq, id: value.id, from, fromName, device, sentAt, envelope, gone: null });
  return accept<'message.send'>(value);
}

/** The header is what recipients verify, so it must say what the command says. */
export function checkHeader(
  work: Work,
  { device, room, txnId }: { readonly device: DeviceId; readonly room: RoomId; readonly txnId: TxnId },
  header: EnvelopeHeader,
): Rejection | undefined {
  if (header.cluster !== work.context.cluster) return reject('invalid_envelope', 'The envelope is of another cluster.');
  if (header.room !== room) return reject('invalid_envelope', 'The envelope is of another room.');
  if (header.sender !== device) return reject('invalid_envelope', 'The envelope is of another device.');
  if (header.txnId !== txnId) return reject('invalid_envelope', 'The envelope is of another transaction.');
  return undefined;
}
