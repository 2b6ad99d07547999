import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { AccountIdField, NameField, RoomIdField, strict, TimeField } from './fields.ts';

/** Who is there, and who is writing: of the moment, never in the log. */

/** What a live feed says of its account. The feeds of an account together: invisible, then busy, online, away. */
export const PresenceChoice = Type.Union(
  [Type.Literal('online'), Type.Literal('away'), Type.Literal('busy'), Type.Literal('invisible')],
  { description: 'Invisible: like offline to everybody else, wherever else the account is logged in.' },
);

export const PersonPresence = Type.Object({
  account: NameField,
  accountId: AccountIdField,
  status: Type.Union(
    [
      Type.Literal('online'),
      Type.Literal('away'),
      Type.Literal('busy'),
      Type.Literal('offline'),
      PresenceChoice.anyOf[3],
    ],
    { description: '`invisible` is shown to the account itself only.' },
  ),
  lastSeen: Type.Union([TimeField, Type.Null()], {
    description: 'When somebody who is offline was there; null for who is not, and where no node remembers.',
  }),
});

// GET /v1/rooms/{room}/presence?accounts=ann,bob (login).
export const PresenceReply = Type.Object({
  people: Type.Array(PersonPresence, { description: 'Those of them that are in the room.' }),
});

// PUT /v1/rooms/{room}/typing (login).
export const TypingBody = Type.Object(
  { active: Type.Boolean({ description: 'False: stopped without sending.' }) },
  strict,
);
export const TypingReply = Type.Object({
  room: RoomIdField,
  forMs: Type.Integer({ description: 'So long it is shown unless it is said again.' }),
});

export type PresenceChoiceT = Static<typeof PresenceChoice>;
export type PersonPresenceJson = Static<typeof PersonPresence>;
