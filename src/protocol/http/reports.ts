import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { CONTENT_LIMITS } from '../content.ts';
import { LIMITS } from '../limits.ts';
import { AccountIdField, bytesField, NameField, RoomIdField, strict, TimeField, TxnIdField } from './fields.ts';

/** Reports of messages, and what admins remove. */

const Place = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const ContentField = bytesField(1, CONTENT_LIMITS.contentBytesMax, 'What was written, as its author encoded it');
export const ReportId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

// POST /v1/reports (login).
export const ReportBody = Type.Object(
  {
    room: RoomIdField,
    seq: Place,
    reason: Type.String({ minLength: 1, maxLength: LIMITS.reportReasonBytesMax }),
    revealed: Type.Array(
      Type.Object({ seq: Place, r: bytesField(32, 32, 'What opens the content tag'), content: ContentField }, strict),
      {
        maxItems: LIMITS.revealedPerReportMax,
        description: 'What the reporter shows of the room; nodes check that it is what was written.',
      },
    ),
    txnId: TxnIdField,
  },
  strict,
);
export const ReportReply = Type.Object({ report: ReportId });

// GET /v1/admin/reports
export const ReportsQuery = Type.Object(
  {
    state: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('resolved'), Type.Literal('all')])),
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.reportsPageMax })),
    consistency: Type.Optional(Type.Union([Type.Literal('local'), Type.Literal('linearizable')])),
  },
  strict,
);
export const ReportJson = Type.Object({
  report: ReportId,
  by: NameField,
  at: TimeField,
  room: RoomIdField,
  seq: Place,
  /** Who wrote what is reported. */
  from: NameField,
  fromId: AccountIdField,
  reason: Type.String(),
  revealed: Type.Array(Type.Object({ seq: Place, from: NameField, sentAt: TimeField, content: ContentField })),
  /** Null while it waits; `by` null: an operator. */
  resolved: Type.Union([
    Type.Object({ by: Type.Union([NameField, Type.Null()]), at: TimeField, resolution: Type.String() }),
    Type.Null(),
  ]),
});
export const ReportsReply = Type.Object({
  reports: Type.Array(ReportJson),
  next: Type.Union([ReportId, Type.Null()], { description: 'Pages may be short, or empty, before the end.' }),
});

// PATCH /v1/admin/reports/{report}
export const ReportPath = Type.Object({ report: ReportId });
export const ResolveBody = Type.Object(
  { resolution: Type.String({ minLength: 1, maxLength: LIMITS.reportReasonBytesMax }), txnId: TxnIdField },
  strict,
);

// DELETE /v1/admin/rooms/{room}/messages/{seq}, /v1/admin/rooms/{room}
export const PurgeReply = Type.Object({ room: RoomIdField });

export type ReportJsonT = Static<typeof ReportJson>;
export type ReportsJson = Static<typeof ReportsReply>;
