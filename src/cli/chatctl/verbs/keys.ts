import { freshTxnId } from '../../fresh-txn.ts';
import { formatTable } from '../../table.ts';
import { adminRequest, leaderRequest } from '../admin-client.ts';
import type { Command } from 'commander';
import type { KeysJson } from '../../../protocol/http/keys.ts';
import type { AdminTarget } from '../admin-client.ts';

/** The keys that nodes have among themselves. */
export function addKeyVerbs(chatctl: Command, target: () => AdminTarget): void {
  const keys = chatctl.command('keys').description('the key that the nodes share for what they tell each other');
  keys
    .command('status')
    .description('which key it is, since when, which node has it, and when the next one comes')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      show(await adminRequest<KeysJson>(target(), 'GET', '/v1/admin/keys'), options);
    });
  keys
    .command('rotate')
    .description('let the nodes go over to a new key now')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      show(await leaderRequest<KeysJson>(target(), `/v1/admin/keys/rotate?txnId=${freshTxnId()}`, undefined), options);
    });
}

function show(keys: KeysJson, { json }: { json?: boolean }): void {
  console.log(json === true ? JSON.stringify(keys) : render(keys));
}

const secondsOf = (ms: number | null): string => (ms === null ? '–' : `${Math.round(ms / 1_000)} s`);

function render({ epoch, cause, ageMs, nextInMs, nodes }: KeysJson): string {
  const first =
    epoch === null
      ? 'no key yet'
      : `epoch ${epoch} (${cause}), ${secondsOf(ageMs)} old; the next one in ${secondsOf(nextInMs)}`;
  const rows = nodes.map((node) => [node.id, node.up ? 'up' : 'DOWN', node.epoch === null ? '–' : String(node.epoch)]);
  return `${first}\n\n${formatTable(['node', 'state', 'has epoch'], rows, [2])}`;
}
