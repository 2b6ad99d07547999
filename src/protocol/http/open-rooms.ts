import { Type } from '@sinclair/typebox';
import { RoomIdField, SeqField, TimeField } from './fields.ts';
import { MemberJson } from './schemas.ts';
import type { Static } from '@sinclair/typebox';

// GET /v1/open-rooms?query=&after=&limit= (login).
export const OpenRoomJson = Type.Object({
  room: RoomIdField,
  name: Type.String(),
  topic: Type.String(),
  memberCount: Type.Integer({ minimum: 0 }),
  createdAt: TimeField,
});
export type OpenRoomJsonT = Static<typeof OpenRoomJson>;
export const OpenRoomsReply = Type.Object({
  rooms: Type.Array(OpenRoomJson),
  next: Type.Union([Type.String(), Type.Null()]),
});

// GET /v1/rooms/{room}/members?after=&limit= (login).
export const MembersReply = Type.Object({
  members: Type.Array(MemberJson),
  next: Type.Union([SeqField, Type.Null()]),
});
