import { AUDIT_PARTS } from '../protocol/audit.ts';
import { auditCodec, auditSpansCodec } from './audit-rows.ts';
import { KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import type { AuditPart, AuditRole } from '../protocol/audit.ts';
import type { AccountId, NodeName } from '../protocol/ids.ts';
import type { AuditRow } from './audit-rows.ts';
import type { StateReader } from './ports.ts';

export type AuditInfo = AuditRow;

/** Each narrows what is found; without any it is everything. */
export interface AuditFilter {
  /** Did it, or it was about this account. */
  readonly who?: AccountId;
  readonly role?: AuditRole;
  /** An act (`room.joined`), or all of a kind (`room`). */
  readonly what?: string;
  readonly node?: NodeName;
  /** Milliseconds since the epoch, both included. */
  readonly since?: number;
  readonly until?: number;
}

export interface AuditAsk extends AuditFilter {
  /** Newest first. */
  readonly reverse: boolean;
  /** Behind the row with this id, in the order asked for. */
  readonly after?: number;
  readonly limit: number;
}

/** Rows that one page may look at, so that a filter that matches little keeps nobody waiting. */
const LOOKED_AT_MAX = 2_000;
const CHUNK = 200;

/**
 * One page of the audit log, both parts in one order.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end; a page may be short, or empty, before it
 */
export async function auditPage(
  reader: StateReader,
  ask: AuditAsk,
): Promise<{ readonly rows: readonly AuditInfo[]; readonly next: number | null }> {
  const rows: AuditInfo[] = [];
  let lookedAt = 0;
  let last: number | null = null;
  for await (const row of inOrder(reader, ask)) {
    if (rows.length >= ask.limit || lookedAt >= LOOKED_AT_MAX) return { rows, next: last };
    lookedAt += 1;
    last = row.id;
    if (matches(row, ask)) rows.push(row);
  }
  return { rows, next: null };
}

function matches({ act, role, by, node, subject }: AuditInfo, ask: AuditFilter): boolean {
  if (ask.who !== undefined && by !== ask.who && !(subject.accounts ?? []).includes(ask.who)) return false;
  if (ask.role !== undefined && role !== ask.role) return false;
  if (ask.what !== undefined && act !== ask.what && !act.startsWith(`${ask.what}.`)) return false;
  return ask.node === undefined || node === ask.node || subject.node === ask.node;
}

/** Both parts, merged by their ids. */
async function* inOrder(reader: StateReader, ask: AuditAsk): AsyncGenerator<AuditInfo> {
  const heads: { row: AuditInfo; readonly rest: AsyncGenerator<AuditInfo> }[] = [];
  for (const part of AUDIT_PARTS) {
    const rest = rowsOf(reader, part, ask);
    const first = await rest.next();
    if (first.done !== true) heads.push({ row: first.value, rest });
  }
  const isFirst = (a: AuditInfo, b: AuditInfo): boolean => a.id < b.id !== ask.reverse;
  while (heads.length > 0) {
    const head = heads.reduce((least, other) => (isFirst(other.row, least.row) ? other : least));
    yield head.row;
    const next = await head.rest.next();
    if (next.done === true) heads.splice(heads.indexOf(head), 1);
    else head.row = next.value;
  }
}

/** Rows of one part from `since` to `until`, behind `after`. */
async function* rowsOf(reader: StateReader, part: AuditPart, ask: AuditAsk): AsyncGenerator<AuditInfo> {
  const { since = 0, until = Infinity, after, reverse } = ask;
  const least = after === undefined || reverse ? 0 : after + 1;
  const greatest = after === undefined || !reverse ? Infinity : after - 1;
  let low = firstWhere(reader, part, ({ id, at }) => id >= least && at >= since);
  let high = firstWhere(reader, part, ({ id, at }) => id > greatest || at > until);
  while (low < high) {
    const count = Math.min(CHUNK, high - low);
    const gte = reverse ? high - count : low;
    const range = { gte: KEYS.audit(part, gte), lt: KEYS.audit(part, gte + count), limit: count, reverse };
    const rows = await reader.range(range);
    for (const [, bytes] of rows) yield auditCodec.decode(bytes);
    if (reverse) high -= count;
    else low += count;
  }
}

/** The number of the first row for which `holds`, which does for all behind it; behind the last when it never does. */
function firstWhere(reader: StateReader, part: AuditPart, holds: (row: AuditInfo) => boolean): number {
  const span = readRow(reader, KEYS.auditSpans, auditSpansCodec)?.[part] ?? { first: 0, next: 0 };
  let { first: low, next: high } = span;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = readRow(reader, KEYS.audit(part, middle), auditCodec);
    // A row that is gone by now is older than all that are left.
    if (row !== undefined && holds(row)) high = middle;
    else low = middle + 1;
  }
  return low;
}
