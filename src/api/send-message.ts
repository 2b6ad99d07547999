import { encodeCursor, startOfEntry } from '../chat/queries-cursor.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import { ParleyError } from '../protocol/errors.ts';
import { bytesOfField } from './bytes.ts';
import { submit } from './submit.ts';
import { timeOf } from './time-text.ts';
import type { Static } from '@sinclair/typebox';
import type { SendReply } from '../protocol/http/schemas.ts';
import type { RoomId, TxnId } from '../protocol/ids.ts';
import type { Session } from './auth.ts';
import type { ApiContext } from './context.ts';

/**
 * The one way a message enters the log, by HTTP or WebSocket. The envelope is decoded here once, to refuse what
 * could never be applied before it costs the cluster anything; its bytes travel on unchanged.
 *
 * @throws ParleyError `invalid_envelope`, `payload_too_large`, and whatever `apply()` rejects it with
 */
export async function sendMessage(
  context: ApiContext,
  session: Session,
  request: { readonly room: string; readonly txnId: string; readonly envelope: string },
): Promise<Static<typeof SendReply>> {
  const room = request.room as RoomId;
  const txnId = request.txnId as TxnId;
  const envelope = bytesOfField(request.envelope, 'envelope');
  checkEnvelope(context, session, { room, txnId, envelope });
  const value = await submit(context, { kind: 'message.send', actor: session, txnId, body: { room, envelope } });
  const { seq, id, sentAt, index } = value;
  return { room, seq, id, sentAt: timeOf(sentAt), cursor: encodeCursor(context.node.clusterId!, startOfEntry(index)) };
}

function checkEnvelope(
  { node }: ApiContext,
  session: Session,
  request: { readonly room: RoomId; readonly txnId: TxnId; readonly envelope: Uint8Array },
): void {
  const { header } = decodeEnvelope(request.envelope);
  const wrong =
    (header.cluster !== node.clusterId && 'cluster') ||
    (header.room !== request.room && 'room') ||
    (header.txnId !== request.txnId && 'txnId') ||
    (header.sender !== session.device && 'sender');
  if (wrong !== false) throw new ParleyError('invalid_envelope', `The envelope's ${wrong} is not that of the request.`);
}
