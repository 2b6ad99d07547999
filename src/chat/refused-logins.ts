import { LIMITS } from '../protocol/limits.ts';
import { refusedCodec } from './audit-rows.ts';
import { audit, STRANGER, write } from './audit.ts';
import { KEYS } from './keys.ts';
import { pack, unpack } from './pack.ts';
import { accept, reject } from './results.ts';
import { checkAdmin } from './server-admin.ts';
import type { RefusedLogins } from '../protocol/commands.ts';
import type { AccountId, NodeName, StampMs } from '../protocol/ids.ts';
import type { RefusedRow } from './audit-rows.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

/**
 * Refused logins, told without letting whoever causes them fill the audit log: the first of an account at once, and
 * how many more there were when `LIMITS.auditRefusedWindowMs` are over. Beyond `LIMITS.auditRefusedAccountsMax`
 * accounts at a time, the others share a row, and so do those that name no account.
 */
export const countRefusedLogins: Handler<'audit.refused-logins'> = (work, { actor, txnId, body, source }) => {
  if (actor !== null || source === undefined) return reject('forbidden');
  // A node brings in one at a time: a repetition can only be of its last.
  const lastKey = KEYS.refusedLast(source.node);
  const last = work.view.get(lastKey);
  if (last !== undefined && unpack(last) === txnId) return accept<'audit.refused-logins'>({ counted: 0 });
  work.view.put(lastKey, pack(txnId));
  for (const refused of body.refused) countRefused(work, refused, source.node);
  return accept<'audit.refused-logins'>({ counted: body.refused.length });
};

/** Tells the rest when the time is over. @returns whether there was such a row */
export function endRefusedWindow(work: Work, account: AccountId | null): boolean {
  const key = KEYS.refused(account);
  const bytes = work.view.get(key);
  const row = bytes === undefined ? undefined : refusedCodec.decode(bytes);
  if (row === undefined || row.endsAt > work.stampMs) return false;
  work.view.delete(key);
  work.cancelExpiry(row.endsAt, key);
  if (account !== null) work.refusedOpen.put('open', openOf(work) - 1);
  if (row.count > 0) tell(work, account, row);
  return true;
}

/** One that is told at once, or later together with others. */
export function countRefused(work: Work, refused: RefusedLogins, node: NodeName): void {
  const known = refused.account !== null && work.accounts.get(refused.account) !== undefined ? refused.account : null;
  endRefusedWindow(work, known);
  const isOpen = work.view.get(KEYS.refused(known)) !== undefined;
  const account = !isOpen && openOf(work) >= LIMITS.auditRefusedAccountsMax ? null : known;
  endRefusedWindow(work, account);
  const key = KEYS.refused(account);
  const bytes = work.view.get(key);
  const { code, address } = refused;
  if (bytes === undefined) {
    tell(work, account, { ...refused, node });
    const endsAt = (work.stampMs + LIMITS.auditRefusedWindowMs) as StampMs;
    work.view.put(key, refusedCodec.encode({ endsAt, count: 0, code, address, node }));
    work.expireAt(endsAt, key);
    if (account !== null) work.refusedOpen.put('open', openOf(work) + 1);
    return;
  }
  const row = refusedCodec.decode(bytes);
  work.view.put(key, refusedCodec.encode({ ...row, count: row.count + refused.count, code, address, node }));
}

const openOf = (work: Work): number => work.refusedOpen.get('open') ?? 0;

function tell(
  work: Work,
  account: AccountId | null,
  { code, address, count: times, node }: Omit<RefusedRow, 'endsAt'>,
): void {
  const about = account === null ? {} : { accounts: [account] };
  write(work, { act: 'session.refused', ...STRANGER, node, address, subject: { ...about, value: code, count: times } });
}

/** Told by the node that served the operator; see `NODE_ACTS`. */
export const noteNodeAct: Handler<'audit.node-act'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { act, node } = command.body;
  audit(work, act, { node });
  return accept<'audit.node-act'>({ node });
};
