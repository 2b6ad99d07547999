import { Readable } from 'node:stream';
import { Type } from '@sinclair/typebox';
import { auditPage } from '../../chat/queries-audit.ts';
import { accountIdByName, accountName } from '../../chat/queries-accounts.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { AuditExportQuery, AuditQuery, AuditReply } from '../../protocol/http/audit.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { timeOf } from '../time-text.ts';
import type { Static } from '@sinclair/typebox';
import type { AuditFilter, AuditInfo } from '../../chat/queries-audit.ts';
import type { StateReader } from '../../chat/ports.ts';
import type { AuditEntryJson } from '../../protocol/http/audit.ts';
import type { AccountId, NodeName } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const Lines = {
  description: 'One object on each line, as in `/v1/admin/audit`.',
  content: { 'application/x-ndjson': { schema: Type.Any() } },
};

/** Who did what, from where. */
export function addAuditRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/admin/audit',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'The audit log, page by page',
        querystring: AuditQuery,
        response: { 200: AuditReply },
        errors: ['no_such_user'],
      },
    },
    async ({ query }) => {
      const { rows, next } = await auditPage(node.reader, {
        ...filterOf(node.reader, query),
        reverse: query.order !== 'oldest',
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after }),
      });
      return { entries: rows.map((row) => entryJson(node.reader, row)), next };
    },
  );

  app.get(
    '/v1/admin/audit/export',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'The audit log as lines of JSON, oldest first',
        querystring: AuditExportQuery,
        response: { 200: Lines },
        errors: ['no_such_user'],
      },
    },
    async ({ query }, reply) => {
      const lines = Readable.from(exportLines(node.reader, filterOf(node.reader, query)), { objectMode: false });
      return reply.type('application/x-ndjson; charset=utf-8').send(lines);
    },
  );
}

/** A page at a time, as fast as they are taken. */
async function* exportLines(reader: StateReader, filter: AuditFilter): AsyncGenerator<string> {
  for (let after: number | null = 0; after !== null;) {
    const page = await auditPage(reader, { ...filter, reverse: false, after, limit: LIMITS.readPageMax });
    if (page.rows.length > 0) yield page.rows.map((row) => `${JSON.stringify(entryJson(reader, row))}\n`).join('');
    after = page.next;
  }
}

/** @throws ParleyError `no_such_user`, `invalid_field` for a day that is none */
function filterOf(reader: StateReader, query: Static<typeof AuditExportQuery>): AuditFilter {
  const { who, role, what, node, since, until } = query;
  const account = who === undefined ? undefined : accountIdByName(reader, who);
  if (who !== undefined && account === undefined) throw new ParleyError('no_such_user');
  return {
    ...(account === undefined ? {} : { who: account }),
    ...(role === undefined ? {} : { role }),
    ...(what === undefined ? {} : { what }),
    ...(node === undefined ? {} : { node: node as NodeName }),
    ...(since === undefined ? {} : { since: momentOf('since', since) }),
    ...(until === undefined ? {} : { until: momentOf('until', until) }),
  };
}

function momentOf(field: string, text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new ParleyError('invalid_field', `${field}: no such time.`, { data: { field } });
  return ms;
}

function entryJson(reader: StateReader, row: AuditInfo): AuditEntryJson {
  const person = (accountId: AccountId) => ({ account: accountName(reader, accountId)!, accountId });
  const { id, at, act, role, by, device, node, address, subject } = row;
  const { accounts, ...rest } = subject;
  return {
    id,
    at: timeOf(at),
    act,
    role,
    by: by === null ? null : person(by),
    device,
    node,
    address,
    subject: { ...rest, ...(accounts === undefined ? {} : { accounts: accounts.map(person) }) },
  };
}
