import { decodeEnvelope } from '../protocol/envelope.ts';
import { messageIdOf } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { checkTxnTime, findSent, recordSent } from './dedupe.ts';
import { KEYS } from './keys.ts';
import { accept, attempt, reject } from './results.ts';
import { isCurrent, rosterDifference } from './roster.ts';
import { messageCodec } from './rows.ts';
import { checkActor } from './sessions.ts';
import type { CommandOf, CommandResult, CommandValues } from '../protocol/commands.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { AccountName, Seq } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { RoomRow } from './rows.ts';
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

  const refusal = checkTxnTime(work, txnId) ?? checkActor(work, actor) ?? checkHeader(work, command, header);
  if (refusal !== undefined) return refusal;
  const row = work.rooms.get(room);
  if (row === undefined) return reject('no_such_room');
  const roster = work.rosterOf(room, row);
  const from = roster.members.get(actor.account);
  if (from === undefined) return reject('no_such_room');
  if (roster.devices.length > LIMITS.devicesPerRoomMax) return reject('room_too_large');
  if (!isCurrent(header, roster)) {
    return reject('stale_devices', undefined, { ...rosterDifference(header, roster) });
  }
  return number(work, command, row, { contentTag: header.contentTag, fromName: from.name });
};

function number(
  work: Work,
  { actor, txnId, body: { room, envelope } }: CommandOf<'message.send'>,
  row: RoomRow,
  { contentTag, fromName }: { readonly contentTag: Uint8Array; readonly fromName: AccountName },
): CommandResult<'message.send'> {
  const { account: from, device } = actor!;
  const seq = (row.lastSeq + 1) as Seq;
  const { index, nextOrder: order, stampMs: sentAt } = work;
  const value: CommandValues['message.send'] = { room, seq, id: messageIdOf(txnId, device), sentAt, index };
  work.view.put(KEYS.message(room, seq), messageCodec.encode({ index, order, from, device, txnId, sentAt, envelope }));
  work.rooms.put(room, { ...row, lastSeq: seq, lastIndex: index });
  recordSent(work, { actor: actor!, txnId, contentTag }, value);
  work.emit({ kind: 'message', room, seq, id: value.id, from, fromName, device, sentAt, envelope });
  return accept<'message.send'>(value);
}

/** The header is what recipients verify, so it must say what the command says. */
function checkHeader(
  work: Work,
  { actor, txnId, body }: CommandOf<'message.send'>,
  header: EnvelopeHeader,
): Rejection | undefined {
  if (header.cluster !== work.context.cluster) return reject('invalid_envelope', 'The envelope is of another cluster.');
  if (header.room !== body.room) return reject('invalid_envelope', 'The envelope is of another room.');
  if (header.sender !== actor!.device) return reject('invalid_envelope', 'The envelope is of another device.');
  if (header.txnId !== txnId) return reject('invalid_envelope', 'The envelope is of another transaction.');
  return undefined;
}
