import { accountName } from '../../chat/queries-accounts.ts';
import { reportsPage } from '../../chat/queries-reports.ts';
import { RoomPath, RoomSeqPath, TxnQuery } from '../../protocol/http/queries.ts';
import {
  PurgeReply,
  ReportBody,
  ReportPath,
  ReportReply,
  ReportsQuery,
  ReportsReply,
  ResolveBody,
} from '../../protocol/http/reports.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { bytesOfField, exactBytesOfField, textOfBytes } from '../bytes.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { plainField } from '../plain-field.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { ReportInfo } from '../../chat/queries-reports.ts';
import type { StateReader } from '../../chat/ports.ts';
import type { ReportJsonT } from '../../protocol/http/reports.ts';
import type { RoomId, Seq, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const SALT_BYTES = 32;
const REPORTS_DEFAULT = 20;

/** Reports of messages, what admins say to them, and what they remove. */
export function addModerationRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addReports(app, context, hooks);
  addPurges(app, context, hooks);
}

function addReports(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.post(
    '/v1/reports',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Tell the admins of a message, with what one chooses to reveal',
        body: ReportBody,
        response: { 200: ReportReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'no_such_message', 'report_mismatch', 'too_many'],
      },
    },
    async (request) => {
      const { room, seq, reason, revealed, txnId } = request.body;
      const body = {
        room: room as RoomId,
        seq: seq as Seq,
        reason: plainField(reason, 'reason', LIMITS.reportReasonBytesMax),
        revealed: revealed.map((one, i) => ({
          seq: one.seq as Seq,
          r: exactBytesOfField(one.r, `revealed.${i}.r`, SALT_BYTES),
          content: bytesOfField(one.content, `revealed.${i}.content`),
        })),
      };
      const command = { kind: 'report.create', actor: sessionOf(request), txnId: txnId as TxnId, body } as const;
      const { report } = await submit(context, command, request);
      return { report };
    },
  );

  app.get(
    '/v1/admin/reports',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Reports in the order in which they came; those that wait unless state= says otherwise',
        querystring: ReportsQuery,
        response: { 200: ReportsReply },
      },
    },
    async ({ query }) => {
      const { state = 'open', after = 0, limit = REPORTS_DEFAULT, consistency = 'local' } = query;
      await freshEnough(context, { consistency });
      const { reports, next } = await reportsPage(node.reader, { state, after, limit });
      return { reports: reports.map((report) => reportJson(node.reader, report)), next };
    },
  );

  app.patch(
    '/v1/admin/reports/:report',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Say what was done about a report',
        params: ReportPath,
        body: ResolveBody,
        response: { 200: ReportReply },
        errors: [...THROUGH_THE_LOG, 'forbidden', 'no_such_report'],
      },
    },
    async (request) => {
      const { report } = request.params;
      const resolution = plainField(request.body.resolution, 'resolution', LIMITS.reportReasonBytesMax);
      const command = { actor: request.session, txnId: request.body.txnId as TxnId, body: { report, resolution } };
      await submit(context, { kind: 'report.resolve', ...command }, request);
      return { report };
    },
  );
}

function addPurges(app: App, context: ApiContext, hooks: RouteHooks): void {
  app.delete(
    '/v1/admin/rooms/:room/messages/:seq',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Remove a message with its edits, reactions and files, from every node',
        params: RoomSeqPath,
        querystring: TxnQuery,
        response: { 200: PurgeReply },
        errors: [...THROUGH_THE_LOG, 'forbidden', 'no_such_message'],
      },
    },
    async (request) => {
      const { room, seq } = request.params as { room: RoomId; seq: Seq };
      const command = { actor: request.session, txnId: txnIdOf(request, request.query), body: { room, seq } };
      await submit(context, { kind: 'message.purge', ...command }, request);
      return { room };
    },
  );

  app.delete(
    '/v1/admin/rooms/:room',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Remove all that was written in a room, and close it for good',
        params: RoomPath,
        querystring: TxnQuery,
        response: { 200: PurgeReply },
        errors: [...THROUGH_THE_LOG, 'forbidden', 'no_such_room'],
      },
    },
    async (request) => {
      const room = request.params.room as RoomId;
      const command = { actor: request.session, txnId: txnIdOf(request, request.query), body: { room } };
      await submit(context, { kind: 'room.purge', ...command }, request);
      return { room };
    },
  );
}

function reportJson(reader: StateReader, report: ReportInfo): ReportJsonT {
  const { id, by, at, room, seq, from, reason, revealed, resolved } = report;
  return {
    report: id,
    by: accountName(reader, by)!,
    at: timeOf(at),
    room,
    seq,
    from: accountName(reader, from)!,
    fromId: from,
    reason,
    revealed: revealed.map((one) => ({
      seq: one.seq,
      from: accountName(reader, one.from)!,
      sentAt: timeOf(one.sentAt),
      content: textOfBytes(one.content),
    })),
    resolved:
      resolved === null
        ? null
        : {
            by: resolved.by === null ? null : accountName(reader, resolved.by)!,
            at: timeOf(resolved.at),
            resolution: resolved.resolution,
          },
  };
}
