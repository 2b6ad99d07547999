import { LIMITS } from '../protocol/limits.ts';
import { audit } from './audit.ts';
import { accept, reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { Command } from '../protocol/commands.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/** Nobody is logged in where a node vouches for somebody who holds its admin token. */
export function checkAdmin(work: Work, { actor, source }: Command): Rejection | undefined {
  if (actor === null) return source === undefined ? reject('forbidden') : undefined;
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  return isServerAdmin(work, actor.account) ? undefined : reject('forbidden', 'This is for admins of the server.');
}

export function isServerAdmin(work: Work, account: AccountId): boolean {
  return (work.serverAdmins.get('admins') ?? []).includes(account);
}

export const setRegistration: Handler<'server.set-registration'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { policy } = command.body;
  if (work.registration.get('policy') !== policy) {
    work.registration.put('policy', policy);
    audit(work, 'server.registration-set', { value: policy });
  }
  return accept<'server.set-registration'>({ policy });
};

/** The last one may go: the admin token of a node is always there. */
export const setServerAdmin: Handler<'server.set-admin'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { account, granted } = command.body;
  const row = work.accounts.get(account);
  if (row === undefined || row.state === 'deleted') return reject('no_such_user');
  const admins = work.serverAdmins.get('admins') ?? [];
  if (admins.includes(account) === granted) return accept<'server.set-admin'>({ account });
  if (granted && admins.length >= LIMITS.serverAdminsMax) {
    return reject('too_many', `A server has at most ${LIMITS.serverAdminsMax} admins.`);
  }
  if (granted) work.serverAdmins.put('admins', [...admins, account]);
  else dropAdmin(work, account);
  audit(work, granted ? 'admin.added' : 'admin.removed', { accounts: [account] });
  return accept<'server.set-admin'>({ account });
};

export function dropAdmin(work: Work, account: AccountId): void {
  const admins = work.serverAdmins.get('admins') ?? [];
  work.serverAdmins.put(
    'admins',
    admins.filter((other) => other !== account),
  );
}
