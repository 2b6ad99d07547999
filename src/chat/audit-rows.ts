import { pack, unpack } from './pack.ts';
import { AUDIT_ROLES } from '../protocol/audit.ts';
import type { AuditAct, AuditPart, AuditRole, AuditSubject } from '../protocol/audit.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { AccountId, DeviceId, NodeName, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

export interface AuditRow {
  /** Grows by one with every row of either part. */
  readonly id: number;
  readonly at: StampMs;
  readonly act: AuditAct;
  readonly role: AuditRole;
  readonly by: AccountId | null;
  readonly device: DeviceId | null;
  /** Which node took the request, and whence it came. */
  readonly node: NodeName | null;
  readonly address: string | null;
  readonly subject: AuditSubject;
}

export const auditCodec: RowCodec<AuditRow> = {
  encode: ({ id, at, act, role, by, device, node, address, subject }) =>
    pack([V1, id, at, act, AUDIT_ROLES.indexOf(role), by, device, node, address, subject]),
  decode: (bytes) => {
    const [, id, at, act, role, by, device, node, address, subject] = unpack(bytes) as [
      number,
      number,
      StampMs,
      AuditAct,
      number,
      AccountId | null,
      DeviceId | null,
      NodeName | null,
      string | null,
      AuditSubject,
    ];
    return { id, at, act, role: AUDIT_ROLES[role]!, by, device, node, address, subject };
  },
};

/** Rows of a part are numbered from `first` up to `next`, without gaps. */
export interface AuditSpan {
  readonly first: number;
  readonly next: number;
}

export interface AuditSpansRow extends Readonly<Record<AuditPart, AuditSpan>> {
  readonly nextId: number;
}

export const EMPTY_AUDIT: AuditSpansRow = { nextId: 1, server: { first: 0, next: 0 }, people: { first: 0, next: 0 } };

export const auditSpansCodec: RowCodec<AuditSpansRow> = {
  encode: ({ nextId, server, people }) => pack([V1, nextId, server.first, server.next, people.first, people.next]),
  decode: (bytes) => {
    const [, nextId, serverFirst, serverNext, peopleFirst, peopleNext] = unpack(bytes) as number[] as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      nextId,
      server: { first: serverFirst, next: serverNext },
      people: { first: peopleFirst, next: peopleNext },
    };
  },
};

/** Refused logins of one account since the row that told of the last ones. */
export interface RefusedRow {
  readonly endsAt: StampMs;
  readonly count: number;
  readonly code: ErrorCode;
  readonly address: string;
  readonly node: NodeName;
}

export const refusedCodec: RowCodec<RefusedRow> = {
  encode: ({ endsAt, count, code, address, node }) => pack([V1, endsAt, count, code, address, node]),
  decode: (bytes) => {
    const [, endsAt, count, code, address, node] = unpack(bytes) as [
      number,
      StampMs,
      number,
      ErrorCode,
      string,
      NodeName,
    ];
    return { endsAt, count, code, address, node };
  },
};
