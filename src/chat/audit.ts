import { AUDIT_ACTS } from '../protocol/audit.ts';
import { LIMITS } from '../protocol/limits.ts';
import { auditCodec, EMPTY_AUDIT } from './audit-rows.ts';
import { KEYS } from './keys.ts';
import type { AuditAct, AuditRole, AuditSubject } from '../protocol/audit.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import type { AuditRow } from './audit-rows.ts';
import type { Work } from './work.ts';

type Who = Pick<AuditRow, 'role' | 'by' | 'device'>;

/** Somebody who is not logged in, but has proved to be this device. */
export const asDevice = (account: AccountId, device: DeviceId): Who => ({ role: 'account', by: account, device });
export const STRANGER: Who = { role: 'stranger', by: null, device: null };

/**
 * Writes down that the command under way has done this. Where its part of the log is full, the oldest row goes.
 *
 * @param who without it: whose command it is
 */
export function audit(work: Work, act: AuditAct, subject: AuditSubject = {}, who: Who = whoActs(work)): void {
  const { node = null, address = null } = work.command?.source ?? {};
  write(work, { act, subject, ...who, node, address });
}

/** The same for what a node saw at other times than that of the command. */
export function write(work: Work, entry: Omit<AuditRow, 'id' | 'at'>): void {
  const part = AUDIT_ACTS[entry.act];
  const spans = work.auditSpans.get('audit') ?? EMPTY_AUDIT;
  const { first, next } = spans[part];
  const row: AuditRow = { ...entry, id: spans.nextId, at: work.stampMs };
  work.view.put(KEYS.audit(part, next), auditCodec.encode(row));
  const isFull = next - first >= LIMITS.auditRowsMax;
  if (isFull) work.view.delete(KEYS.audit(part, first));
  const span = { first: isFull ? first + 1 : first, next: next + 1 };
  work.auditSpans.put('audit', { ...spans, nextId: spans.nextId + 1, [part]: span });
}

/** Names so many of them as a row may. */
export function accountsOf(accounts: readonly AccountId[]): Pick<AuditSubject, 'accounts' | 'more'> {
  const named = accounts.slice(0, LIMITS.auditAccountsMax);
  const more = accounts.length - named.length;
  return { accounts: named, ...(more > 0 ? { more } : {}) };
}

/** Commands of nobody are those of an operator, but for the leader's own. */
function whoActs({ command }: Work): Who {
  const actor = command?.actor ?? null;
  if (actor !== null) return asDevice(actor.account, actor.device);
  const role: AuditRole = command?.source === undefined ? 'cluster' : 'operator';
  return { role, by: null, device: null };
}
