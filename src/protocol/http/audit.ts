import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { AUDIT_ACTS, AUDIT_ROLES } from '../audit.ts';
import { LIMITS } from '../limits.ts';
import {
  AccountIdField,
  DeviceIdField,
  NameField,
  NodeNameField,
  RoomIdField,
  SessionIdField,
  strict,
  TimeField,
} from './fields.ts';

/** The audit log: `/v1/admin/audit`. */

const Person = Type.Object({ account: NameField, accountId: AccountIdField });
const Role = Type.Union(
  AUDIT_ROLES.map((role) => Type.Literal(role)),
  { description: 'As what: logged in, with an admin token, not logged in, or the cluster by itself.' },
);
const Moment = Type.String({
  pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$`,
  description: 'RFC 3339.',
});
const filter = {
  who: Type.Optional({ ...NameField, description: 'Acts of this account, and about it.' }),
  role: Type.Optional(Role),
  what: Type.Optional(
    Type.String({ maxLength: 64, pattern: '^[a-z.-]+$', description: 'An act, or all of a kind: `room`.' }),
  ),
  node: Type.Optional({ ...NodeNameField, description: 'Taken by this node, or about it.' }),
  since: Type.Optional(Moment),
  until: Type.Optional(Moment),
};

// GET /v1/admin/audit, newest first unless order=oldest.
export const AuditQuery = Type.Object(
  {
    ...filter,
    order: Type.Optional(Type.Union([Type.Literal('newest'), Type.Literal('oldest')])),
    after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: '`next` of the page before.' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.readPageMax })),
  },
  strict,
);
// GET /v1/admin/audit/export: oldest first, one object on each line.
export const AuditExportQuery = Type.Object(filter, strict);

export const AuditEntry = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  at: TimeField,
  act: Type.Union(Object.keys(AUDIT_ACTS).map((act) => Type.Literal(act))),
  role: Role,
  by: Type.Union([Person, Type.Null()]),
  device: Type.Union([DeviceIdField, Type.Null()]),
  /** Which node took the request, and whence it came. */
  node: Type.Union([NodeNameField, Type.Null()]),
  address: Type.Union([Type.String(), Type.Null()]),
  subject: Type.Object({
    accounts: Type.Optional(Type.Array(Person)),
    more: Type.Optional(Type.Integer({ minimum: 1, description: 'How many accounts are not named.' })),
    room: Type.Optional(RoomIdField),
    device: Type.Optional(DeviceIdField),
    session: Type.Optional(SessionIdField),
    node: Type.Optional(NodeNameField),
    value: Type.Optional(Type.String()),
    count: Type.Optional(Type.Integer({ minimum: 1 })),
  }),
});
export const AuditReply = Type.Object({
  entries: Type.Array(AuditEntry),
  next: Type.Union([Type.Integer(), Type.Null()], { description: 'Pages may be short, or empty, before the end.' }),
});

export type AuditEntryJson = Static<typeof AuditEntry>;
export type AuditReplyJson = Static<typeof AuditReply>;
