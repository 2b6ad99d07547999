import { Type } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import {
  AccountIdField,
  AddressRangeField,
  CursorField,
  DeviceIdField,
  Hash32,
  NameField,
  RoomIdField,
  SeqField,
  SessionIdField,
  strict,
  TxnIdField,
} from './fields.ts';
import { PresenceChoice } from './presence.ts';

/** What stands in paths and behind the `?`. */

const Limit = Type.Integer({ minimum: 1, maximum: LIMITS.readPageMax });
/** How fresh a read is. */
const freshness = {
  cursor: Type.Optional(CursorField),
  consistency: Type.Optional(
    Type.Union([Type.Literal('local'), Type.Literal('linearizable')], {
      description:
        'local: as this node knows it, but not older than `cursor`. linearizable: as the cluster knows it now.',
    }),
  ),
};

export const FreshnessQuery = Type.Object(freshness, strict);
export const AccountsQuery = Type.Object(
  {
    ...freshness,
    query: Type.Optional(Type.String({ maxLength: 32, pattern: '^[a-z0-9._-]*$', description: 'How names begin.' })),
    after: Type.Optional(NameField),
    limit: Type.Optional(Limit),
  },
  strict,
);
export const RoomsQuery = Type.Object(
  { ...freshness, after: Type.Optional(RoomIdField), limit: Type.Optional(Limit) },
  strict,
);
export const MembersQuery = Type.Object(
  { ...freshness, after: Type.Optional(SeqField), limit: Type.Optional(Limit) },
  strict,
);
export const OpenRoomsQuery = Type.Object(
  {
    ...freshness,
    query: Type.Optional(Type.String({ maxLength: 256, description: 'How a word of its name begins.' })),
    after: Type.Optional(
      Type.String({ maxLength: 1_024, pattern: '^[!-~]*$', description: 'What `next` of the page before says.' }),
    ),
    limit: Type.Optional(Limit),
  },
  strict,
);
export const ReceiptsQuery = Type.Object(
  { ...freshness, after: Type.Optional(AccountIdField), limit: Type.Optional(Limit) },
  strict,
);
export const BansQuery = Type.Object(
  { ...freshness, after: Type.Optional(AccountIdField), limit: Type.Optional(Limit) },
  strict,
);
export const AddressBansQuery = Type.Object(
  { ...freshness, after: Type.Optional(AddressRangeField), limit: Type.Optional(Limit) },
  strict,
);
export const AddressUnbanQuery = Type.Object({ range: AddressRangeField, txnId: Type.Optional(TxnIdField) }, strict);
export const MessagesQuery = Type.Object(
  { ...freshness, after: Type.Optional(SeqField), before: Type.Optional(SeqField), limit: Type.Optional(Limit) },
  strict,
);
export const PresenceQuery = Type.Object(
  {
    ...freshness,
    accounts: Type.String({
      minLength: 2,
      maxLength: 33 * LIMITS.presenceAskedMax,
      pattern: '^[a-z0-9._-]{2,32}(,[a-z0-9._-]{2,32})*$',
      description: `Names, separated by commas; at most ${LIMITS.presenceAskedMax}.`,
    }),
  },
  strict,
);
export const EventsQuery = Type.Object(
  { cursor: Type.Optional(CursorField), presence: Type.Optional(PresenceChoice) },
  strict,
);
/** Where a request has no body, its transaction id stands here or in `Idempotency-Key`. */
export const TxnQuery = Type.Object({ txnId: Type.Optional(TxnIdField) }, strict);

export const StateHashesQuery = Type.Object({ rows: Type.Optional(Type.Boolean()) }, strict);

export const NamePath = Type.Object({ name: NameField });
export const NameDevicePath = Type.Object({ name: NameField, device: DeviceIdField });
export const DevicePath = Type.Object({ device: DeviceIdField });
export const SessionPath = Type.Object({ session: Type.Union([SessionIdField, Type.Literal('current')]) });
export const RoomPath = Type.Object({ room: RoomIdField });
export const RoomMemberPath = Type.Object({ room: RoomIdField, name: NameField });
export const RoomSeqPath = Type.Object({
  room: RoomIdField,
  seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export const RoomLinkPath = Type.Object({ room: RoomIdField, secretHash: Hash32 });
export const RoomTxnPath = Type.Object({ room: RoomIdField, txnId: TxnIdField });
