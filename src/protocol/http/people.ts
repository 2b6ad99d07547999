import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import { AccountIdField, CursorField, NameField, strict, TimeField, TxnIdField } from './fields.ts';

/** Profiles, finding people, and whom one blocks. */

const DisplayName = Type.String({ maxLength: LIMITS.displayNameBytesMax });
const Status = Type.String({ maxLength: LIMITS.statusBytesMax });

// GET /v1/accounts/{name}/profile (login).
export const ProfileReply = Type.Object({
  account: NameField,
  accountId: AccountIdField,
  /** Empty for none. */
  displayName: DisplayName,
  status: Status,
  /** Null where nothing was ever set. */
  changedAt: Type.Union([TimeField, Type.Null()]),
});
// PATCH /v1/profile (login): of the own account; what is not given stays, and an empty text is none.
export const ProfileBody = Type.Object(
  { displayName: Type.Optional(DisplayName), status: Type.Optional(Status), txnId: TxnIdField },
  { ...strict, minProperties: 2 },
);
export const ProfileSetReply = Type.Object({ account: NameField, cursor: CursorField });

// GET /v1/people?query=&after=&limit= (login).
export const PeopleQuery = Type.Object(
  {
    query: Type.String({
      minLength: 1,
      maxLength: LIMITS.displayNameBytesMax,
      description: 'How a name, or a word of a display name, begins.',
    }),
    after: Type.Optional(
      Type.String({ maxLength: 1_024, pattern: '^[A-Za-z0-9_-]+$', description: '`next` of the page before.' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.readPageMax })),
  },
  strict,
);
export const PeopleReply = Type.Object({
  people: Type.Array(
    Type.Object({ account: NameField, accountId: AccountIdField, displayName: DisplayName, status: Status }),
  ),
  next: Type.Union([Type.String(), Type.Null()], { description: 'Pages may be short, or empty, before the end.' }),
});

// PUT /v1/blocks/{name}; DELETE lifts it (query txnId=). GET /v1/blocks?after=&limit= (login).
export const BlockBody = Type.Object({ txnId: TxnIdField }, strict);
export const BlockReply = Type.Object({ account: NameField, cursor: CursorField });
export const BlocksReply = Type.Object({
  blocks: Type.Array(Type.Object({ account: NameField, accountId: AccountIdField, since: TimeField })),
  next: Type.Union([AccountIdField, Type.Null()]),
});

export type ProfileJson = Static<typeof ProfileReply>;
export type PersonJson = Static<typeof PeopleReply>['people'][number];
export type BlockJson = Static<typeof BlocksReply>['blocks'][number];
