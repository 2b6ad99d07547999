import { requestJson } from './http.ts';
import { tokenOf } from './person.ts';
import { sealOpenName } from './sealed-texts.ts';
import { ulid } from './ulid.ts';
import { openRoomIdOf } from '../../src/protocol/derive-ids.ts';
import type { Person } from './person.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';

/** Makes a room that anybody may join. */
export async function makeOpenRoom(url: string, owner: Person, name: string): Promise<RoomDetailJson> {
  const txnId = ulid();
  const room = openRoomIdOf(owner.account, txnId);
  const token = await tokenOf(url, owner);
  const body = { kind: 'open', members: [], sealedMeta: sealOpenName(owner, room, name), txnId };
  await requestJson(url, 'POST', '/v1/rooms', { token, body });
  return requestJson<RoomDetailJson>(url, 'GET', `/v1/rooms/${room}`, { token });
}

export async function joinOpenRoom(url: string, person: Person, room: string): Promise<void> {
  const token = await tokenOf(url, person);
  await requestJson(url, 'POST', `/v1/rooms/${room}/join`, { token, body: { txnId: ulid() } });
}
