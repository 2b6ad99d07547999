import { REGISTRATION_POLICIES } from '../../../protocol/commands.ts';
import { ParleyError } from '../../../protocol/errors.ts';
import { freshTxnId } from '../../fresh-txn.ts';
import { adminRequest } from '../admin-client.ts';
import { nameOf, tell } from './show.ts';
import type { Command } from 'commander';
import type { AdminsJson, RegistrationJson } from '../../../protocol/http/admin.ts';
import type { AdminTarget } from '../admin-client.ts';

/** Who may register, and who administers the server: admin registration, add, remove, renew-login-setup, list. */
export function addServerAdminVerbs(chatctl: Command, target: () => AdminTarget): void {
  const admin = chatctl.command('admin').description('who may register, and which accounts administer the server');

  admin
    .command('registration')
    .description('show who may register, or change it for the whole cluster')
    .argument('[policy]', REGISTRATION_POLICIES.join(', '))
    .option('--json', 'print one JSON object')
    .action(async (policy: string | undefined, options: { json?: boolean }) => {
      const reply = await registration(target(), policy);
      const origin = reply.set ? '' : ' (as the nodes were started)';
      tell(options, reply, `Registration is ${reply.policy}${origin}.`);
    });

  for (const [verb, method, past] of [
    ['add', 'PUT', 'is an admin of the server now'],
    ['remove', 'DELETE', 'is no admin of the server any more'],
  ] as const) {
    admin
      .command(verb)
      .alias(verb === 'add' ? 'grant' : 'revoke')
      .description(verb === 'add' ? 'let an account do what the admin token does' : 'take that from it')
      .argument('<name>')
      .option('--json', 'print one JSON object')
      .action(async (text: string, options: { json?: boolean }) => {
        const name = nameOf(text);
        const txnId = freshTxnId();
        const path = `/v1/admin/admins/${name}`;
        const reply = await (method === 'PUT'
          ? adminRequest<{ account: string }>(target(), method, path, { body: { txnId } })
          : adminRequest<{ account: string }>(target(), method, `${path}?txnId=${txnId}`));
        tell(options, reply, `${name} ${past}.`);
      });
  }

  admin
    .command('renew-login-setup')
    .description('make new keys of the nodes for passwords; each password is registered with them at its next login')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      const body = { txnId: freshTxnId() };
      const reply = await adminRequest<{ version: number }>(target(), 'POST', '/v1/admin/login-setups', { body });
      tell(options, reply, `The newest login setup is ${reply.version}; those before it serve until people log in.`);
    });

  admin
    .command('list')
    .description('list the accounts that administer the server')
    .option('--json', 'print one JSON object per line')
    .action(async (options: { json?: boolean }) => {
      const { admins } = await adminRequest<AdminsJson>(target(), 'GET', '/v1/admin/admins?consistency=linearizable');
      for (const one of admins) tell(options, one, `@${one.account}`);
      if (admins.length === 0 && options.json !== true) console.log('None; the admin token of a node always works.');
    });
}

async function registration(target: AdminTarget, policy: string | undefined): Promise<RegistrationJson> {
  const path = '/v1/admin/registration';
  if (policy === undefined) return adminRequest(target, 'GET', `${path}?consistency=linearizable`);
  if (!REGISTRATION_POLICIES.some((known) => known === policy)) {
    throw new ParleyError('usage', `Registration is one of ${REGISTRATION_POLICIES.join(', ')}.`);
  }
  const body = { policy, txnId: freshTxnId() };
  return adminRequest(target, 'PUT', path, { body });
}
