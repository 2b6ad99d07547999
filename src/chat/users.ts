import { audit } from './audit.ts';
import { dropBan, standingBan } from './bans.ts';
import { changeDevices, announceDevice, forgetRequests } from './devices.ts';
import { KEYS } from './keys.ts';
import { dropLogin } from './login.ts';
import { dropQuotas } from './quotas.ts';
import { dropProfile } from './profiles.ts';
import { accept, reject } from './results.ts';
import { checkAdmin, dropAdmin, isServerAdmin } from './server-admin.ts';
import { checkActor, endSession } from './sessions.ts';
import type { Command } from '../protocol/commands.ts';
import type { AccountId, Seq, StampMs } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { AccountRow } from './rows.ts';
import type { Work } from './work.ts';

/** What admins of the server do to accounts, and people to their own. */

type Subject = { readonly ok: true; readonly row: AccountRow } | Rejection;

/** An admin has to be made none before anything is done to it: nobody is locked out by a slip, or by a rival. */
function subjectOf(work: Work, command: Command, account: AccountId): Subject {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const row = work.accounts.get(account);
  if (row === undefined || row.state === 'deleted') return reject('no_such_user');
  return isServerAdmin(work, account) ? reject('is_admin') : { ok: true, row };
}

/** Its live feeds end with its sessions, on every node. Banning anew changes reason and end. */
export const banUser: Handler<'user.ban'> = (work, command) => {
  const { account, reason, forMs } = command.body;
  const subject = subjectOf(work, command, account);
  if (!subject.ok) return subject;
  dropBan(work, account);
  const until = forMs === null ? null : ((work.stampMs + forMs) as StampMs);
  work.bans.put(account, { by: command.actor?.account ?? null, reason, at: work.stampMs, until });
  if (until !== null) work.expireAt(until, KEYS.ban(account));
  endSessions(work, subject.row);
  audit(work, 'user.banned', { accounts: [account], ...(reason === '' ? {} : { value: reason }) });
  return accept<'user.ban'>({ account, until });
};

export const unbanUser: Handler<'user.unban'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { account } = command.body;
  if (standingBan(work, account) === undefined) return reject('not_banned');
  dropBan(work, account);
  audit(work, 'user.unbanned', { accounts: [account] });
  return accept<'user.unban'>({ account });
};

/** Whoever is deactivated opens no session, and is not found; what it wrote and where it is a member stays. */
export const setActive: Handler<'user.set-active'> = (work, command) => {
  const { account, active } = command.body;
  const subject = subjectOf(work, command, account);
  if (!subject.ok) return subject;
  const { row } = subject;
  if ((row.state === 'active') !== active) {
    work.accounts.put(account, { ...row, state: active ? 'active' : 'deactivated' });
    endSessions(work, row);
    audit(work, active ? 'user.reactivated' : 'user.deactivated', { accounts: [account] });
  }
  return accept<'user.set-active'>({ account });
};

/**
 * At once: sessions, devices and their keys, so that nothing more is encrypted for it. Its rooms, and what it wrote
 * where that is wished, follow in steps. The name stays taken, by nobody.
 */
export const deleteUser: Handler<'user.delete'> = (work, command) => {
  const { account, messages } = command.body;
  const isOwn = command.actor?.account === account;
  const subject = isOwn ? ownAccount(work, command, account) : subjectOf(work, command, account);
  if (!subject.ok) return subject;
  const { row } = subject;
  if (isServerAdmin(work, account)) dropAdmin(work, account);
  dropBan(work, account);
  endSessions(work, row);
  forgetRequests(work, account);
  for (const { device } of row.devices) {
    work.devices.put(device, { account, revoked: true });
    work.answers.delete(device);
    announceDevice(work, account, device, 'revoked');
  }
  changeDevices(work, account, { ...row, state: 'deleted' }, []);
  dropProfile(work, account);
  dropQuotas(work, account);
  dropLogin(work, account);
  work.blockCounts.delete(account);
  work.view.delete(KEYS.receiptsHidden(account));
  work.erasures.put(account, { messages, room: null, next: 1 as Seq });
  work.expireAt(work.stampMs, KEYS.erasure(account));
  audit(work, 'user.deleted', { accounts: [account], value: messages ? 'with messages' : 'messages stay' });
  return accept<'user.delete'>({ account });
};

function ownAccount(work: Work, { actor }: Command, account: AccountId): Subject {
  return checkActor(work, actor) ?? { ok: true, row: work.accounts.get(account)! };
}

function endSessions(work: Work, row: AccountRow): void {
  for (const { device } of row.devices) {
    for (const session of work.deviceSessions.get(device) ?? []) endSession(work, session);
  }
}
