import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import {
  AccountIdField,
  CursorField,
  DeviceIdField,
  FencingTokenField,
  LockNameField,
  NameField,
  SessionIdField,
  strict,
  TimeField,
  TxnIdField,
} from './fields.ts';

/** Named locks: `/v1/locks`. */

const TtlMs = Type.Integer({
  minimum: LIMITS.lockTtlMsMin,
  maximum: LIMITS.lockTtlMsMax,
  description: 'How long the lease lasts unless it is renewed.',
});

export const LockPath = Type.Object({ name: LockNameField });

// PUT /v1/locks/{name}
export const LockAcquireBody = Type.Object(
  {
    ttlMs: TtlMs,
    waitMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: LIMITS.lockWaitMsMax,
        description: 'How long to stand in the queue of a lock that somebody holds; without it: not at all.',
      }),
    ),
    txnId: TxnIdField,
  },
  strict,
);
export const LockAcquireReply = Type.Object({
  name: LockNameField,
  /** Waiting: a `lock-granted` event comes, or `GET /v1/locks/{name}` shows it. */
  state: Type.Union([Type.Literal('held'), Type.Literal('waiting')]),
  token: Type.Union([FencingTokenField, Type.Null()]),
  /** Of the lease; while waiting: of the place in the queue. */
  expiresAt: TimeField,
  /** Place in the queue from 1 on; 0 for the holder. */
  position: Type.Integer({ minimum: 0 }),
  cursor: CursorField,
});

// PATCH /v1/locks/{name}
export const LockRenewBody = Type.Object({ token: FencingTokenField, ttlMs: TtlMs, txnId: TxnIdField }, strict);
export const LockRenewReply = Type.Object({
  name: LockNameField,
  token: FencingTokenField,
  expiresAt: TimeField,
  cursor: CursorField,
});

// DELETE /v1/locks/{name}
export const LockReleaseQuery = Type.Object(
  { token: Type.Optional(FencingTokenField), txnId: Type.Optional(TxnIdField) },
  strict,
);
export const LockReleaseReply = Type.Object({ name: LockNameField, cursor: CursorField });

// GET /v1/locks, /v1/locks/{name}
export const LockJson = Type.Object({
  name: LockNameField,
  /** Null for a lock that nobody holds. */
  holder: Type.Union([
    Type.Object({
      account: NameField,
      accountId: AccountIdField,
      device: DeviceIdField,
      /** Whether the asking session holds it. */
      own: Type.Boolean(),
      token: FencingTokenField,
      expiresAt: TimeField,
    }),
    Type.Null(),
  ]),
  waiting: Type.Integer({ minimum: 0, description: 'How many sessions wait.' }),
  /** Place of the asking session in the queue from 1 on; null when it does not wait. */
  position: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
});
export const LocksReply = Type.Object({ locks: Type.Array(LockJson), session: SessionIdField });

export type LockJsonT = Static<typeof LockJson>;
export type LockAcquireReplyT = Static<typeof LockAcquireReply>;
