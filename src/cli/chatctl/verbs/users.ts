import { LIMITS } from '../../../protocol/limits.ts';
import { freshTxnId } from '../../fresh-txn.ts';
import { adminRequest } from '../admin-client.ts';
import { addAddressBanVerbs } from './address-bans.ts';
import { banFactsText, endText, forMsOf, nameOf, tell } from './show.ts';
import type { Command } from 'commander';
import type { AdminAccountJson, BanJsonT, BanReplyJson, BansJson } from '../../../protocol/http/admin.ts';
import type { AdminTarget } from '../admin-client.ts';

interface Json {
  readonly json?: boolean;
}

/** What is done to accounts: ban add, remove, list and ban address; user show, deactivate, reactivate, delete. */
export function addUserVerbs(chatctl: Command, target: () => AdminTarget): void {
  const ban = chatctl.command('ban').description('keep accounts and addresses out, at once and on every node');
  addBanVerbs(ban, target);
  addAddressBanVerbs(ban.command('address').description('keep addresses out'), target);
  addAccountVerbs(chatctl.command('user').description('look at, deactivate and delete accounts'), target);
}

function addBanVerbs(ban: Command, target: () => AdminTarget): void {
  ban
    .command('add')
    .description('end all sessions of an account, and let it open none')
    .argument('<name>')
    .option('--reason <TEXT>', 'shown to who is banned', '')
    .option('--for <TIME>', '90s, 15m, 2h, 7d (default: until it is lifted)')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: Json & { readonly reason: string; readonly for?: string }) => {
      const name = nameOf(text);
      const body = { reason: options.reason, ...forMsOf(options.for), txnId: freshTxnId() };
      const reply = await adminRequest<BanReplyJson>(target(), 'PUT', `/v1/admin/bans/${name}`, { body });
      tell(options, reply, `${name} is banned ${endText(reply)}.`);
    });

  ban
    .command('remove')
    .description('lift a ban')
    .argument('<name>')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: Json) => {
      const name = nameOf(text);
      const reply = await adminRequest<object>(target(), 'DELETE', `/v1/admin/bans/${name}?txnId=${freshTxnId()}`);
      tell(options, reply, `${name} is banned no more.`);
    });

  ban
    .command('list')
    .description('list who is banned')
    .option('--json', 'print one JSON object per line')
    .action(async (options: Json) => {
      for await (const one of allBans(target())) tell(options, one, banText(one));
    });
}

async function* allBans(target: AdminTarget): AsyncGenerator<BanJsonT> {
  for (let after = ''; ;) {
    const { bans, next } = await adminRequest<BansJson>(
      target,
      'GET',
      `/v1/admin/bans?consistency=linearizable&limit=${LIMITS.readPageMax}${after}`,
    );
    yield* bans;
    if (next === null) return;
    after = `&after=${next}`;
  }
}

function banText(ban: BanJsonT): string {
  return `@${ban.account} ${banFactsText(ban)}`;
}

function addAccountVerbs(user: Command, target: () => AdminTarget): void {
  user
    .command('show')
    .description('how an account stands')
    .argument('<name>')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: Json) => {
      const path = `/v1/admin/accounts/${nameOf(text)}?consistency=linearizable`;
      const shown = await adminRequest<AdminAccountJson>(target(), 'GET', path);
      tell(options, shown, accountText(shown));
    });

  for (const [verb, active, description] of [
    ['deactivate', false, 'end all sessions of an account and let it open none; it is found no more'],
    ['reactivate', true, 'let a deactivated account in again'],
  ] as const) {
    user
      .command(verb)
      .description(description)
      .argument('<name>')
      .option('--json', 'print one JSON object')
      .action(async (text: string, options: Json) => {
        const name = nameOf(text);
        const body = { active, txnId: freshTxnId() };
        const reply = await adminRequest<object>(target(), 'PATCH', `/v1/admin/accounts/${name}`, { body });
        tell(options, reply, `${name} is ${verb}d.`);
      });
  }

  user
    .command('delete')
    .description('delete an account for good: its sessions, devices, keys and places in rooms; its name stays taken')
    .argument('<name>')
    .option('--messages', 'what it wrote goes too')
    .requiredOption('--yes', 'to say that this is meant: nothing brings it back')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: Json & { readonly messages?: boolean }) => {
      const name = nameOf(text);
      const query = `?messages=${options.messages === true}&txnId=${freshTxnId()}`;
      const reply = await adminRequest<object>(target(), 'DELETE', `/v1/admin/accounts/${name}${query}`);
      tell(options, reply, `${name} is deleted; its rooms and what it wrote follow within moments.`);
    });
}

function accountText({ account, state, admin, createdAt, devices, sessions, ban }: AdminAccountJson): string {
  const roles = admin ? ', an admin of the server' : '';
  const since = `registered ${createdAt}, ${devices} devices, ${sessions} sessions`;
  return `@${account} is ${state}${roles}: ${since}${ban === null ? '' : `; banned: ${banText(ban)}`}`;
}
