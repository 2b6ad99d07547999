import { Type } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import { strict, TxnIdField } from './fields.ts';
import type { Static } from '@sinclair/typebox';

export const RetentionField = Type.Integer({
  minimum: 0,
  maximum: LIMITS.retentionMsMax,
  description: 'Messages go so many milliseconds after they were taken, whenever that was; 0 for never.',
});
// GET and PUT /v1/admin/retention.
export const RetentionBody = Type.Object({ retentionMs: RetentionField, txnId: TxnIdField }, strict);
export const RetentionReply = Type.Object({ retentionMs: RetentionField });
export type RetentionJson = Static<typeof RetentionReply>;

const Used = Type.Integer({ minimum: 0 });
const Quota = Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()], {
  description: 'Null: none of its own.',
});
const quotas = { fileBytes: Quota, messagesPerDay: Quota, rooms: Quota };
// GET and PATCH /v1/admin/quotas, and /v1/admin/quotas/{name}.
export const QuotasBody = Type.Object({ ...Type.Partial(Type.Object(quotas)).properties, txnId: TxnIdField }, strict);
export const QuotasReply = Type.Object({
  quotas: Type.Object(quotas),
  /** Of one account; messages are counted only where they are bounded. */
  used: Type.Optional(Type.Object({ fileBytes: Used, messagesPerDay: Used, rooms: Used })),
});
export type QuotasJson = Static<typeof QuotasReply>;
