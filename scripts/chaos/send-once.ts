import { requestJson } from '../load/http.ts';
import { tokenOf } from '../load/person.ts';
import { paddedText, sealText } from '../load/sealed-texts.ts';
import { ParleyError } from '../../src/protocol/errors.ts';
import type { HistoryRecorder } from './history.ts';
import type { WriterPlace } from './writer.ts';
import type { Person } from '../load/person.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';

const TEXT_BYTES = 100;

/** One message through one node, for scenes in which somebody writes now and then. */
export async function sendOnce(
  place: WriterPlace,
  person: Person,
  room: RoomDetailJson,
  history: HistoryRecorder,
): Promise<void> {
  const op = history.nextOp();
  const { txnId, envelope, hash } = sealText(person, room, paddedText(`text ${op} `, TEXT_BYTES), op);
  const call = { kind: 'send', room: room.room, txnId, body: hash } as const;
  history.add({ type: 'invoke', t: history.now(), op, call, node: place.name });
  const path = `/v1/rooms/${room.room}/messages/${txnId}`;
  try {
    const token = await tokenOf(place.url, person);
    const { seq } = await requestJson<{ seq: number }>(place.url, 'PUT', path, { token, body: { envelope } });
    history.add({ type: 'ok', t: history.now(), op, node: place.name, seq });
  } catch (error) {
    const code = error instanceof ParleyError ? error.code : 'lost';
    history.add({ type: 'info', t: history.now(), op, node: place.name, code });
  }
}
