import { addressRangeOf } from '../../../protocol/address-range.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { freshTxnId } from '../../fresh-txn.ts';
import { adminRequest } from '../admin-client.ts';
import { banFactsText, endText, forMsOf, tell } from './show.ts';
import type { Command } from 'commander';
import type {
  AddressBanJsonT,
  AddressBanReplyJson,
  AddressBansJson,
  AddressUnbanJson,
} from '../../../protocol/http/admin.ts';
import type { AdminTarget } from '../admin-client.ts';

const PATH = '/v1/admin/address-bans';

interface Json {
  readonly json?: boolean;
}

/** ban address add, remove, list. */
export function addAddressBanVerbs(address: Command, target: () => AdminTarget): void {
  address
    .command('add')
    .description('serve nobody from an address or a range of them')
    .argument('<range>', '203.0.113.7, 203.0.113.0/24, 2001:db8::/32')
    .option('--reason <TEXT>', 'shown to who is banned', '')
    .option('--for <TIME>', '90s, 15m, 2h, 7d (default: until it is lifted)')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: Json & { readonly reason: string; readonly for?: string }) => {
      const range = addressRangeOf(text);
      const body = { range, reason: options.reason, ...forMsOf(options.for), txnId: freshTxnId() };
      const reply = await adminRequest<AddressBanReplyJson>(target(), 'PUT', PATH, { body });
      tell(options, reply, `${range} is banned ${endText(reply)}.`);
    });

  address
    .command('remove')
    .description('lift the ban of an address or a range')
    .argument('<range>')
    .option('--json', 'print one JSON object')
    .action(async (text: string, options: Json) => {
      const range = addressRangeOf(text);
      const query = new URLSearchParams({ range, txnId: freshTxnId() });
      const reply = await adminRequest<AddressUnbanJson>(target(), 'DELETE', `${PATH}?${query.toString()}`);
      tell(options, reply, `${range} is banned no more.`);
    });

  address
    .command('list')
    .description('list which addresses are banned')
    .option('--json', 'print one JSON object per line')
    .action(async (options: Json) => {
      for await (const one of allBans(target())) tell(options, one, `${one.range} ${banFactsText(one)}`);
    });
}

async function* allBans(target: AdminTarget): AsyncGenerator<AddressBanJsonT> {
  for (let after: string | null = null; ;) {
    const query = new URLSearchParams({ consistency: 'linearizable', limit: `${LIMITS.readPageMax}` });
    if (after !== null) query.set('after', after);
    const page: AddressBansJson = await adminRequest<AddressBansJson>(target, 'GET', `${PATH}?${query.toString()}`);
    yield* page.bans;
    if (page.next === null) return;
    after = page.next;
  }
}
