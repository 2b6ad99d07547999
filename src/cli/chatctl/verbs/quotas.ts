import { InvalidArgumentError } from 'commander';
import { freshTxnId } from '../../fresh-txn.ts';
import { adminRequest } from '../admin-client.ts';
import { nameOf, spanOf, tell } from './show.ts';
import type { Command } from 'commander';
import type { QuotasJson, RetentionJson } from '../../../protocol/http/quotas.ts';
import type { AdminTarget } from '../admin-client.ts';

/** Commander knows no null. */
type Quota = number | 'default';

interface QuotaOptions {
  readonly json?: boolean;
  readonly fileBytes?: Quota;
  readonly messagesPerDay?: Quota;
  readonly rooms?: Quota;
}

/** How long messages are kept, and what accounts may use: retention, quota. */
export function addQuotaVerbs(chatctl: Command, target: () => AdminTarget): void {
  chatctl
    .command('retention')
    .description('show how long messages are kept at most, or bound it for all rooms, older messages too')
    .argument('[time]', '30d, 12h; off for ever', parseRetention)
    .option('--json', 'print one JSON object')
    .action(async (retentionMs: number | undefined, options: { json?: boolean }) => {
      const path = '/v1/admin/retention';
      const reply = await (retentionMs === undefined
        ? adminRequest<RetentionJson>(target(), 'GET', `${path}?consistency=linearizable`)
        : adminRequest<RetentionJson>(target(), 'PUT', path, { body: { retentionMs, txnId: freshTxnId() } }));
      const kept = reply.retentionMs === 0 ? 'for ever' : `for ${reply.retentionMs / 1_000} s`;
      tell(options, reply, `Messages are kept ${kept}, unless their room keeps them shorter.`);
    });

  chatctl
    .command('quota')
    .description('show or change what accounts may use; without a name, those that have no quotas of their own')
    .argument('[name]')
    .option('--file-bytes <N>', 'what all their files take; default: as the nodes were started', parseQuota)
    .option('--messages-per-day <N>', 'days are those of UTC; default: no bound', parseQuota)
    .option('--rooms <N>', 'that an account is in at a time; default: 10000', parseQuota)
    .option('--json', 'print one JSON object')
    .action(async (text: string | undefined, { json, ...given }: QuotaOptions) => {
      const quotas = Object.fromEntries(Object.entries(given).map(([kind, n]) => [kind, n === 'default' ? null : n]));
      const path = `/v1/admin/quotas${text === undefined ? '' : `/${nameOf(text)}`}`;
      const reply = await (Object.keys(quotas).length === 0
        ? adminRequest<QuotasJson>(target(), 'GET', `${path}?consistency=linearizable`)
        : adminRequest<QuotasJson>(target(), 'PATCH', path, { body: { ...quotas, txnId: freshTxnId() } }));
      if (json === true) tell({ json }, reply, '');
      else for (const line of linesOf(reply)) tell({}, reply, line);
    });
}

function linesOf({ quotas, used }: QuotasJson): string[] {
  const line = (what: string, kind: keyof typeof quotas): string =>
    `${what}: ${quotas[kind] ?? 'default'}${used === undefined ? '' : `, ${used[kind]} used`}`;
  return [line('file bytes', 'fileBytes'), line('messages per day', 'messagesPerDay'), line('rooms', 'rooms')];
}

function parseRetention(text: string): number {
  const retentionMs = text === 'off' ? 0 : spanOf(text);
  if (retentionMs === undefined) throw new InvalidArgumentError('A time looks like 12h or 30d; off for ever.');
  return retentionMs;
}

function parseQuota(text: string): Quota {
  if (text === 'default') return text;
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw new InvalidArgumentError('A number, or default.');
}
